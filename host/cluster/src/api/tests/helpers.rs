//! Credential helpers: programs that are asked for a credential.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::double::Reply;
use super::tls::Authority;
use super::*;

const VERSION: &str = "client.authentication.k8s.io/v1";

/// A helper in the kubeconfig's folder.
fn install(folder: &Folder, script: &str) {
    let path = folder.write("helper", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn exec(more: &str) -> String {
    format!("exec: {{apiVersion: {VERSION}, command: ./helper{more}}}")
}

fn issue(status: &Value) -> String {
    let credential = json!({ "apiVersion": VERSION, "kind": "ExecCredential", "status": status });
    format!("cat <<'EOF'\n{credential}\nEOF")
}

fn refused(folder: &Folder, user: &str, patience: Duration) -> String {
    let kubeconfig = folder.kubeconfig("server: 'http://127.0.0.1:1'", user);
    folder.connect(&access(&kubeconfig, patience)).err().unwrap().to_string()
}

#[test]
fn a_helper_gives_a_token_and_is_told_what_it_may_know() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    let token = issue(&json!({ "token": "issued", "expirationTimestamp": "2030-01-01T00:00:00Z" }));
    install(&folder, &format!("printf '%s' \"$KUBERNETES_EXEC_INFO\" >\"$OUT/$1\"\n{token}"));
    let user = exec(&format!(
        ", args: [told], provideClusterInfo: true, env: [{{name: OUT, value: '{}'}}]",
        folder.0.path().display()
    ));
    let cluster = format!(
        "server: \"{}\", extensions: [{{name: client.authentication.k8s.io/exec, extension: {{audience: lab}}}}]",
        double.url
    );
    let kubeconfig = folder.kubeconfig(&cluster, &user);
    folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap();
    assert_eq!(double.seen()[0].header("authorization"), "Bearer issued");
    let told: Value = serde_json::from_slice(&fs::read(folder.path("told")).unwrap()).unwrap();
    let server = format!("{}/", double.url);
    let spec =
        json!({ "interactive": false, "cluster": { "server": server, "config": { "audience": "lab" } } });
    assert_eq!(told, json!({ "apiVersion": VERSION, "kind": "ExecCredential", "spec": spec }));
}

#[test]
fn a_helper_gives_a_client_certificate() {
    let authority = Authority::new();
    let double = Double::https(authority.strict_server("127.0.0.1"), |_, _| Reply::json(POD));
    let folder = Folder::new();
    let (certificate, key) = authority.client();
    install(&folder, &issue(&json!({ "clientCertificateData": certificate, "clientKeyData": key })));
    folder.write("ca.crt", authority.pem());
    let cluster = format!("server: \"{}\", certificate-authority: ca.crt", double.url);
    let kubeconfig = folder.kubeconfig(&cluster, &exec(""));
    assert!(folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap().is_some());
}

#[test]
fn a_token_in_the_file_needs_no_helper() {
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig("server: 'http://127.0.0.1:1'", &format!("token: t, {}", exec("")));
    assert!(folder.connect(&access(&kubeconfig, LONG)).is_ok());
}

#[test]
fn a_helper_that_is_not_there_comes_with_its_hint() {
    let folder = Folder::new();
    let error = refused(&folder, &exec(", installHint: 'get it from the lab'"), LONG);
    let command = folder.path("./helper");
    assert!(
        error.contains(&format!("the credential helper `{}` (`exec` in kubeconfig ", command.display())),
        "{error}"
    );
    assert!(
        error.contains("it can't be run: No such file") && error.ends_with("get it from the lab"),
        "{error}"
    );
}

/// Nothing that it prints on stdout is passed on: it may be a secret.
#[test]
fn a_helper_that_fails_is_quoted_but_its_credentials_are_not() {
    let rows = [
        (
            "echo secret-token; echo trace >&2; echo 'no network' >&2; exit 3",
            "it ended with exit status: 3: no network",
        ),
        ("echo secret-token", "its output is not an ExecCredential: line 1, column"),
        (&issue(&json!(null)), "its output has no `status`"),
        (&issue(&json!({ "token": "" })), "neither a token nor a client certificate"),
        (
            &issue(&json!({ "clientKeyData": "secret-token" })),
            "only one of `clientCertificateData` and `clientKeyData`",
        ),
        (
            &issue(&json!({ "clientCertificateData": "secret-token", "clientKeyData": "secret-token" })),
            "there is no PEM certificate in it",
        ),
        (
            &issue(&json!({ "token": "secret-token" })).replace("/v1\"", "/v1beta1\""),
            "it answers in `client.authentication.k8s.io/v1beta1`",
        ),
    ];
    for (script, said) in rows {
        let folder = Folder::new();
        install(&folder, script);
        let error = refused(&folder, &exec(""), LONG);
        assert!(error.contains(said), "{said:?} in {error}");
        assert!(!error.contains("secret-token"), "{error}");
    }
}

/// The program is a script that waits for another one, which holds the pipes.
#[test]
fn a_helper_that_hangs_is_killed_at_the_deadline_with_its_children() {
    let folder = Folder::new();
    install(&folder, "sleep 1000 &\necho $! >\"$OUT\"\nwait");
    let pid_file = folder.path("pid");
    let begun = Instant::now();
    let user = exec(&format!(", env: [{{name: OUT, value: '{}'}}]", pid_file.display()));
    let error = refused(&folder, &user, Duration::from_millis(500));
    assert!(begun.elapsed() < LONG && error.contains("when the time for this call was up"), "{error}");
    let child: PathBuf = format!("/proc/{}", fs::read_to_string(pid_file).unwrap().trim()).into();
    let ended =
        || !child.exists() || fs::read_to_string(child.join("stat")).is_ok_and(|stat| stat.contains(") Z "));
    while !ended() {
        assert!(begun.elapsed() < LONG, "the helper's child is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
