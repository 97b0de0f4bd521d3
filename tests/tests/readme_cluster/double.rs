//! What the double of `kubectl` does and prints: as much as the README uses, on the API server's double.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use multus_tests::TestApiServer;
use serde_json::{Value, json};

use crate::json_path;

/// Longer than anything in the section takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One call.
pub(crate) struct Kubectl<'a> {
    pub(crate) api: &'a TestApiServer,
    pub(crate) folder: &'a Path,
}

impl Kubectl<'_> {
    /// What it prints. Words that the README does not have so far are an error: they would be left untested.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, String> {
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
}

fn template(output: &str) -> Result<&str, String> {
    output.strip_prefix("jsonpath=").ok_or_else(|| format!("it does not know --output {output}"))
}

fn line(event: &Value) -> String {
    let word = |key: &str| event[key].as_str().unwrap_or_default();
    format!("{} {} {}\n", word("type"), word("reason"), word("message"))
}
