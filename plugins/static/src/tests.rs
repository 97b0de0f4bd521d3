use multus_guest_cni::double::{self, Case};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn cases() {
    for case in double::cases(env!("CARGO_MANIFEST_DIR")) {
        case.compare(crate::add(&case.attachment(), &case.conf()));
    }
}

/// What the reference plugin prints; its message where it fails.
fn reference(program: &Path, case: &Case) -> Result<Value, String> {
    let args = case.members["args"].as_str().unwrap_or_default();
    let environment = [
        ("COMMAND", "ADD"),
        ("CONTAINERID", "c1"),
        ("IFNAME", "eth0"),
        ("NETNS", "/n"),
        ("PATH", "/p"),
        ("ARGS", args),
    ];
    let mut child = Command::new(program)
        .envs(environment.map(|(name, value)| (format!("CNI_{name}"), value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(json!(case.conf()).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer.as_object_mut().unwrap().remove("cniVersion");
    if output.status.success() { Ok(answer) } else { Err(answer["msg"].as_str().unwrap().to_owned()) }
}

/// Cases say in `reference` where that plugin does something else.
#[test]
fn the_reference_plugin_does_the_same() {
    let Some(folder) = multus_tests::binaries::reference_plugins() else {
        return multus_tests::left_out("comparing with the reference plugin `static` needs it (CNI_PLUGINS)");
    };
    for case in double::cases(env!("CARGO_MANIFEST_DIR")) {
        let theirs = reference(&folder.join("static"), &case);
        let ours = case.members.get("result").cloned();
        match case.members["reference"].as_str() {
            None => assert_eq!(theirs.as_ref().ok(), ours.as_ref(), "{}: {theirs:?}", case.name),
            Some(_) => {
                assert_ne!(theirs.as_ref().ok(), ours.as_ref(), "{}: no difference any more", case.name);
            }
        }
    }
}
