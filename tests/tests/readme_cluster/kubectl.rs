//! `kubectl`: a double that is asked over the loopback and acts on the API server's double, and a real one where the
//! machine has it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, thread};

use multus_tests::TestApiServer;
use serde_json::{Value, json};

use crate::json_path;

/// Hands its folder and arguments over, and prints the answer: the exit status is the first line.
const DOUBLE: &str = r#"#!/bin/bash
# A double of kubectl. The test answers it.
exec 3<>"/dev/tcp/127.0.0.1/PORT"
printf '%s\0' "$#" "$PWD" "$@" >&3
read -r status <&3
if [ "$status" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
"#;

/// It can't ask the double what fields there are, and keeps what it found out in the test's folder.
const REAL: &str = r#"#!/bin/sh
case $1 in apply) set -- "$@" --validate=false;; esac
exec PROGRAM --cache-dir FOLDER/cache "$@"
"#;

/// Longer than anything in the section takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts the double into a folder. It is answered by [`serve`] at the listener.
pub(crate) fn install_double(folder: &Path) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    install(folder, &DOUBLE.replace("PORT", &listener.local_addr().unwrap().port().to_string()));
    listener
}

/// Puts the machine's own into a folder. `None` if it has none.
pub(crate) fn install_real(folder: &Path) -> Option<()> {
    let program = real()?;
    let script = REAL.replace("PROGRAM", program.to_str()?).replace("FOLDER", folder.to_str()?);
    install(folder, &script);
    Some(())
}

fn install(folder: &Path, script: &str) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("kubectl");
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn real() -> Option<PathBuf> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = assets.into_iter().chain(env::split_paths(&paths)).collect();
    folders.into_iter().map(|folder| folder.join("kubectl")).find(|path| path.is_file())
}

/// Answers the double's calls until the listener is told `stop`.
pub(crate) fn serve(listener: &TcpListener, api: &TestApiServer) {
    for call in listener.incoming() {
        let mut call = call.unwrap();
        let (folder, words) = read(&call);
        if words == ["stop"] {
            return;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (status, said) = match (Kubectl { api, folder: &folder }).run(&words) {
            Ok(said) => (0, said),
            Err(said) => (1, format!("kubectl (double): {said}\n")),
        };
        // Whoever is killed meanwhile does not want to know.
        let _ = write!(call, "{status}\n{said}");
    }
}

/// Ends [`serve`] when it goes, however a story ends.
pub(crate) struct Stop<'a>(pub(crate) &'a TcpListener);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let mut call = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
        call.write_all(b"1\0/\0stop\0").unwrap();
    }
}

fn read(call: &TcpStream) -> (PathBuf, Vec<String>) {
    let mut call = BufReader::new(call);
    let mut word = || {
        let mut bytes = Vec::new();
        call.by_ref().read_until(0, &mut bytes).unwrap();
        bytes.pop();
        String::from_utf8(bytes).unwrap()
    };
    let count: usize = word().parse().unwrap();
    let folder = PathBuf::from(word());
    (folder, (0..count).map(|_| word()).collect())
}

/// One call.
struct Kubectl<'a> {
    api: &'a TestApiServer,
    folder: &'a Path,
}

impl Kubectl<'_> {
    /// What it prints. Words that the README does not have so far are an error: they would be left untested.
    fn run(&self, words: &[&str]) -> Result<String, String> {
        match words {
            ["apply", files @ ..] => self.apply(files),
            ["config", "view", "--minify", "--output", output] => json_path::print(
                template(output)?,
                &json!({ "clusters": [{ "cluster": { "server": self.api.url() } }] }),
            ),
            ["describe", "pod", name] => Ok(self.events(name)),
            ["get", kind, name, "--namespace", namespace, "--output", output] => {
                self.get(kind, namespace, name, output)
            }
            ["get", kind, name, "--output", output] => self.get(kind, "default", name, output),
            ["wait", "--for", "condition=Ready", pod] => self.wait(pod),
            ["create", "clusterrole", name, "--verb", verb, "--resource", resource] => {
                Ok(self.create_role(name, verb, resource))
            }
            ["create", "clusterrolebinding", name, "--clusterrole", role, "--serviceaccount", account] => {
                self.create_binding(name, role, account)
            }
            other => Err(format!("it does not know `{}`", other.join(" "))),
        }
    }

    fn apply(&self, words: &[&str]) -> Result<String, String> {
        for pair in words.chunks(2) {
            let ["--filename", file] = pair else { return Err(format!("apply: {pair:?}")) };
            let path = self.folder.join(file);
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            self.api.load_yaml(&text);
        }
        Ok(String::new())
    }

    fn get(&self, kind: &str, namespace: &str, name: &str, output: &str) -> Result<String, String> {
        let object = self.api.object(&format!("{kind}s"), namespace, name);
        let object = object.ok_or_else(|| format!("{kind}s {name:?} not found"))?;
        json_path::print(template(output)?, &object)
    }

    /// The end of a description.
    fn events(&self, pod: &str) -> String {
        let events = self.api.objects("events", "default");
        let about = events.iter().filter(|event| event["involvedObject"]["name"] == pod);
        format!("Events:\n{}", about.map(line).collect::<String>())
    }

    fn wait(&self, pod: &str) -> Result<String, String> {
        let name = pod.strip_prefix("pod/").ok_or_else(|| format!("wait: {pod}"))?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let pod = self.api.object("pods", "default", name);
            let ready = json!({ "type": "Ready", "status": "True" });
            if pod.is_some_and(|pod| pod["status"]["conditions"] == json!([ready])) {
                return Ok(format!("pod/{name} condition met\n"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        let events = self.events(name);
        Err(format!("timed out waiting for the condition on pods/{name}\n{events}"))
    }

    fn create_role(&self, name: &str, verb: &str, resource: &str) -> String {
        let rule = json!({ "apiGroups": [""], "resources": [resource], "verbs": [verb] });
        self.api.load(&[rbac("ClusterRole", name, json!({ "rules": [rule] }))]);
        format!("clusterrole.rbac.authorization.k8s.io/{name} created\n")
    }

    fn create_binding(&self, name: &str, role: &str, account: &str) -> Result<String, String> {
        let (namespace, account) = account.split_once(':').ok_or_else(|| format!("account {account}"))?;
        let members = json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        });
        self.api.load(&[rbac("ClusterRoleBinding", name, members)]);
        Ok(format!("clusterrolebinding.rbac.authorization.k8s.io/{name} created\n"))
    }
}

fn rbac(kind: &str, name: &str, members: Value) -> Value {
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": name },
    });
    object.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    object
}

fn template(output: &str) -> Result<&str, String> {
    output.strip_prefix("jsonpath=").ok_or_else(|| format!("it does not know --output {output}"))
}

fn line(event: &Value) -> String {
    let word = |key: &str| event[key].as_str().unwrap_or_default();
    format!("{} {} {}\n", word("type"), word("reason"), word("message"))
}
