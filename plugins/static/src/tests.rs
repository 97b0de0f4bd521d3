use multus_guest::testing::{Fixture, read_folder};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the reference plugin prints; its message where it fails.
fn reference(program: &Path, fixture: &Fixture) -> Result<Value, String> {
    let environment = [
        ("COMMAND", "ADD"),
        ("CONTAINERID", "c1"),
        ("IFNAME", "eth0"),
        ("NETNS", "/n"),
        ("PATH", "/p"),
        ("ARGS", fixture.given.args()),
    ];
    let mut child = Command::new(program)
        .envs(environment.map(|(name, value)| (format!("CNI_{name}"), value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(fixture.given.conf().to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer.as_object_mut().unwrap().remove("cniVersion");
    if output.status.success() { Ok(answer) } else { Err(answer["msg"].as_str().unwrap().to_owned()) }
}

/// Fixtures say in `reference` where that plugin does something else.
#[test]
fn the_reference_plugin_does_the_same() {
    let Some(folder) = multus_tests::binaries::reference_plugins() else {
        return multus_tests::left_out("comparing with the reference plugin `static` needs it (CNI_PLUGINS)");
    };
    for fixture in read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap() {
        let theirs = reference(&folder.join("static"), &fixture);
        let ours = fixture.expect.as_ref().unwrap().result();
        match &fixture.reference {
            None => assert_eq!(theirs.as_ref().ok(), ours, "{}: {theirs:?}", fixture.name),
            Some(_) => assert_ne!(theirs.as_ref().ok(), ours, "{}: no difference any more", fixture.name),
        }
    }
}
