//! Kubeconfigs: what they may say, and what is said about those that are wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::double::Reply;
use super::*;

#[test]
fn the_current_context_counts_and_no_other() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    let kubeconfig = folder.write(
        "kubeconfig",
        format!(
            "
apiVersion: v1
kind: Config
current-context: second
contexts:
- name: first
  context: {{ cluster: nowhere, user: nobody }}
- name: second
  context: {{ cluster: lab, user: multus, namespace: kube-system }}
clusters:
- name: nowhere
  cluster: {{ server: http://127.0.0.1:1, proxy-url: http://proxy }}
- name: lab
  cluster: {{ server: {} }}
users:
- name: nobody
  user: {{ auth-provider: {{ name: gcp }} }}
- name: multus
  user: {{ token: of-the-second, tokenFile: '' }}
",
            double.url
        ),
    );
    folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap();
    assert_eq!(double.seen()[0].header("authorization"), "Bearer of-the-second");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let missing = folder.path("gone/kubeconfig");
    let error = folder.connect(&access(&missing, LONG)).err().unwrap().to_string();
    assert!(error.contains(&format!("can't read the kubeconfig {}", missing.display())), "{error}");
    let error = folder.connect(&access(folder.0.path(), LONG)).err().unwrap().to_string();
    assert!(error.contains("it is not a file"), "{error}");
}

/// Every error names file, field and line, and never what stands in a secret's place.
fn names_what_is_wrong(folder: &Folder, kubeconfig: &Path, said: &[&str]) {
    let error = folder.connect(&access(kubeconfig, LONG)).err().unwrap().to_string();
    assert!(error.starts_with(&format!("kubeconfig {}: ", kubeconfig.display())), "{error}");
    for part in said {
        assert!(error.contains(part), "{part:?} in {error}");
    }
    assert!(!error.contains("secret-token"), "{error}");
}

#[test]
fn a_file_that_is_no_kubeconfig_is_refused_by_line() {
    let current = "current-context: c\ncontexts: ";
    let rows: [(&str, &str, &[&str]); 9] = [
        ("", "", &["0 YAML documents"]),
        ("a: 1\n---\nb: 1\n", "", &["2 YAML documents"]),
        ("a: [secret-token", "", &["line 2"]),
        ("- secret-token\n", "", &["expected an object, found a list"]),
        ("kind: Config\n", "", &["/current-context: `current-context` is missing"]),
        (
            current,
            "[{name: a}, {name: b}]",
            &["line 2", "/contexts: there is no `c` in `contexts` (it has a, b)"],
        ),
        (current, "[]", &["/contexts: there is no `c` in `contexts` (it is empty)"]),
        (current, "[{name: c}]", &["/contexts/0/context: `context` of `c` is missing"]),
        (current, "[{name: c, context: {user: m}}]", &["/contexts/0/context/cluster: `cluster` is missing"]),
    ];
    let folder = Folder::new();
    for (begin, end, said) in rows {
        let kubeconfig = folder.write("kubeconfig", format!("{begin}{end}"));
        names_what_is_wrong(&folder, &kubeconfig, said);
    }
}

#[test]
fn what_is_wrong_with_a_cluster_is_named_by_its_field() {
    let rows: [(&str, &[&str]); 8] = [
        ("", &["line 3", "/clusters/0/cluster/server: `server` is missing", "https://10.0.0.1:6443"]),
        ("server: 'ftp://h'", &["/clusters/0/cluster/server: `ftp://h` is not the URL of a server"]),
        ("server: h:6443", &["`h:6443` is not the URL of a server"]),
        (
            "server: 'https://h', proxy-url: 'http://p'",
            &["/clusters/0/cluster/proxy-url: proxies are not supported"],
        ),
        (
            "server: 'https://h', certificate-authority: gone.crt",
            &["/clusters/0/cluster/certificate-authority: can't read ", "/gone.crt: No such file"],
        ),
        ("server: 'https://h', certificate-authority-data: '!'", &["certificate-authority-data: not base64"]),
        (
            "server: 'https://h', certificate-authority-data: aGVsbG8=",
            &["certificate-authority-data: there is no PEM certificate in it"],
        ),
        (
            "server: 'https://h', insecure-skip-tls-verify: 'yes'",
            &["insecure-skip-tls-verify: expected true or false"],
        ),
    ];
    let folder = Folder::new();
    for (cluster, said) in rows {
        let kubeconfig = folder.kubeconfig(cluster, "token: secret-token");
        names_what_is_wrong(&folder, &kubeconfig, said);
    }
}

#[test]
fn what_is_wrong_with_a_user_is_named_by_its_field() {
    let version = "exec: {apiVersion: client.authentication.k8s.io/v1";
    let rows: [(&str, &str, &[&str]); 9] = [
        (
            "auth-provider: {name: gcp}",
            "",
            &["line 4", "/users/0/user/auth-provider: `auth-provider` is not supported", "`exec`"],
        ),
        ("as: admin", "", &["/users/0/user/as: `as` is not supported"]),
        ("token: [secret-token]", "", &["/users/0/user/token: expected a string, found a list"]),
        (
            "client-certificate: gone.crt, client-key: gone.key",
            "",
            &["/users/0/user/client-certificate: can't read ", "/users/0/user/client-key: can't read "],
        ),
        (
            "client-key-data: aGVsbG8=",
            "",
            &["/users/0/user/client-certificate: `client-certificate` is missing"],
        ),
        (
            "client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=",
            "",
            &["/users/0/user/client-certificate-data: there is no PEM certificate in it"],
        ),
        (
            "exec: {command: helper}",
            "",
            &[
                "/users/0/user/exec/apiVersion: `` is not a protocol of credential helpers",
                "client.authentication.k8s.io/v1",
            ],
        ),
        (version, "}", &["/users/0/user/exec/command: `command` is missing"]),
        (
            version,
            ", command: h, interactiveMode: Always}",
            &["/users/0/user/exec/interactiveMode: nobody is there"],
        ),
    ];
    let folder = Folder::new();
    for (begin, end, said) in rows {
        let kubeconfig = folder.kubeconfig("server: 'https://h:1'", &format!("{begin}{end}"));
        names_what_is_wrong(&folder, &kubeconfig, said);
    }
}

#[test]
fn a_token_file_is_read_anew_and_trimmed() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    folder.write("tokens/multus", "first\n");
    let server = format!("server: \"{}\"", double.url);
    let kubeconfig = folder.kubeconfig(&server, "tokenFile: tokens/multus, token: stale");
    let source = folder.connect(&access(&kubeconfig, LONG)).unwrap();
    source.pod("red", "web").unwrap();
    folder.write("tokens/multus", "second");
    source.pod("red", "web").unwrap();
    let sent: Vec<_> = double.seen().iter().map(|seen| seen.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Bearer first", "Bearer second"]);
    fs::remove_file(folder.path("tokens/multus")).unwrap();
    let error = source.pod("red", "web").unwrap_err().to_string();
    assert!(error.contains(folder.path("tokens/multus").to_str().unwrap()), "{error}");
    assert_eq!(double.lines().len(), 2, "nothing is asked without the token");
}

#[test]
fn an_expired_token_is_called_expired() {
    let double = Double::http(|_, _| Reply::refuse(401, "Unauthorized"));
    let folder = Folder::new();
    let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1000000000}"#);
    let path = folder.write("token", format!("eyJhbGciOiJSUzI1NiJ9.{claims}.c2ln"));
    let kubeconfig = folder.kubeconfig(&format!("server: \"{}\"", double.url), "tokenFile: token");
    let error =
        folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap_err().to_string();
    let expected = format!(
        "the token in {} (user `multus`, kubeconfig {}) expired ",
        path.display(),
        kubeconfig.display()
    );
    assert!(error.contains(&expected) && error.ends_with(" days ago; renew it"), "{error}");
    assert_eq!(double.lines().len(), 1);
}

#[test]
fn a_name_and_a_password() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    let kubeconfig = folder.kubeconfig(&format!("server: \"{}\"", double.url), "username: u, password: p");
    folder.connect(&access(&kubeconfig, LONG)).unwrap().pod("red", "web").unwrap();
    assert_eq!(double.seen()[0].header("authorization"), format!("Basic {}", STANDARD.encode("u:p")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", value in "[ -~]{0,20}") {
        let folder = Folder::new();
        let connect = |kubeconfig: PathBuf| drop(folder.connect(&access(&kubeconfig, LONG)));
        connect(folder.write("kubeconfig", text));
        let quoted = serde_json::to_string(&value).unwrap();
        connect(folder.kubeconfig(&format!("server: {quoted}, tls-server-name: {quoted}"), &format!("token: {quoted}")));
    }
}
