//! `kubectl`, as the administrator.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

/// The program and who it is for the server.
pub(super) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(super) fn new(program: &Path, kubeconfig: &Path) -> Kubectl {
        Kubectl { program: program.to_owned(), kubeconfig: kubeconfig.to_owned() }
    }

    /// Does the server say that it is ready?
    pub(super) fn is_ready(&self) -> bool {
        self.run(&["get", "--raw=/readyz"], "").status.success()
    }

    /// Makes a namespace if it is not there.
    pub(super) fn ensure_namespace(&self, name: &str) {
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
    }

    /// Makes an object, or changes it to this. A definition is served only a moment after it was taken.
    pub(super) fn apply(&self, object: &Value) {
        let arguments = ["apply", "--server-side", "--force-conflicts", "--validate=false", "-f", "-"];
        for _ in 0..50 {
            let output = self.run(&arguments, &object.to_string());
            let said = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                return;
            }
            assert!(said.contains("no matches for kind"), "{object}: {said}");
            sleep(Duration::from_millis(200));
        }
        panic!("its definition is not served: {object}");
    }

    pub(super) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let arguments =
            [&["get", plural, name], in_namespace(namespace).as_slice(), &["--output=json"]].concat();
        let output = self.run(&arguments, "");
        if output.status.success() {
            return Some(serde_json::from_slice(&output.stdout).expect("kubectl prints JSON"));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("NotFound"), "{said}");
        None
    }

    pub(super) fn list(&self, plural: &str, namespace: &str) -> Vec<Value> {
        let arguments = [&["get", plural], in_namespace(namespace).as_slice(), &["--output=json"]].concat();
        let list: Value = serde_json::from_str(&self.succeeded(&arguments)).expect("kubectl prints JSON");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(super) fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let at_once = ["--force", "--grace-period=0", "--wait"];
        self.succeeded(&[&["delete", plural, name], in_namespace(namespace).as_slice(), &at_once].concat());
    }

    fn succeeded(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(&self.program);
        // Its cache of what is served would be in the home folder, and outlive the definitions.
        let cache = self.kubeconfig.with_extension("cache");
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--cache-dir").arg(cache).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program.display()));
        // A child that does not want to read is told by its exit status.
        let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        child.wait_with_output().expect("its output")
    }
}

/// Nothing for what is in no namespace.
fn in_namespace(namespace: &str) -> Vec<&str> {
    if namespace.is_empty() { Vec::new() } else { vec!["--namespace", namespace] }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{Credential, Node, TestApiServer, left_out, network_object, pod_object, private};

    use super::*;

    /// The one that is asked for everything else, or any on the search path.
    fn kubectl() -> Option<PathBuf> {
        let assets = std::env::var_os(super::super::ASSETS).map(PathBuf::from);
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = assets.into_iter().chain(std::env::split_paths(&paths)).collect();
        folders.into_iter().map(|folder| folder.join("kubectl")).find(|path| path.is_file())
    }

    #[test]
    fn it_and_the_double_understand_each_other() {
        private(|| {
            let Some(program) = kubectl() else {
                return left_out("there is no kubectl to ask the test API server");
            };
            let node = Node::new();
            let api = TestApiServer::https();
            let kubeconfig = node.scratch("kubeconfig");
            fs::write(&kubeconfig, api.kubeconfig(Credential::Token(&api.token("admin")))).unwrap();
            let kubectl = Kubectl::new(&program, &kubeconfig);
            assert!(kubectl.is_ready());
            kubectl.ensure_namespace("shop");
            kubectl.ensure_namespace("shop");
            kubectl.apply(&pod_object("shop", "web", "red"));
            kubectl.apply(&network_object("shop", "red", &json!({ "type": "macvlan" })));
            let pod = kubectl.get("pods", "shop", "web").unwrap();
            assert_eq!(pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"], "red");
            assert_eq!(kubectl.list("network-attachment-definitions", "shop").len(), 1);
            kubectl.delete("pods", "shop", "web");
            assert_eq!(kubectl.get("pods", "shop", "web"), None);
        });
    }
}
