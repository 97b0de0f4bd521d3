//! Where a node keeps what it tells of devices.

use std::path::{Path, PathBuf};

use multus_document::{Pointer, Problem, json};
use serde_json::{Map, Value};

/// The kubelet's pod-resources socket, by default.
const POD_RESOURCES: &str = "/var/lib/kubelet/pod-resources/kubelet.sock";
/// The kubelet's file of devices and pods, by default.
const CHECKPOINT: &str = "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint";
/// Folder of device-info files, by default: what device-info specification 1.1.0 (4.1, 4.2) says.
const DEVICE_INFO: &str = "/var/run/k8s.cni.cncf.io/devinfo";

/// Where a node keeps what it tells of devices: `devices` in the multus conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePaths {
    /// The kubelet's pod-resources socket.
    pub pod_resources: PathBuf,
    /// The kubelet's checkpoint of devices.
    pub checkpoint: PathBuf,
    /// The folder above `dp` and `cni`.
    pub device_info: PathBuf,
}

impl Default for DevicePaths {
    fn default() -> Self {
        Self {
            pod_resources: POD_RESOURCES.into(),
            checkpoint: CHECKPOINT.into(),
            device_info: DEVICE_INFO.into(),
        }
    }
}

impl DevicePaths {
    /// Reads the members of `devices`, which stand at `at`; those that are missing have their defaults. What
    /// is wrong goes into `problems`.
    pub fn read(members: &Map<String, Value>, at: &Pointer, problems: &mut Vec<Problem>) -> Self {
        let mut paths = Self::default();
        for (key, value) in members {
            let place = match key.as_str() {
                "podResources" => &mut paths.pod_resources,
                "checkpoint" => &mut paths.checkpoint,
                "deviceInfo" => &mut paths.device_info,
                other => {
                    let message = format!("unknown key `{other}`");
                    let advice = "use `podResources`, `checkpoint` and `deviceInfo`";
                    problems.push(Problem::new(at.key(other), message).advise(advice));
                    continue;
                }
            };
            match absolute(value) {
                Ok(path) => *place = path,
                Err(problem) => problems.push(problem.below(at.key(key).as_str())),
            }
        }
        paths
    }
}

fn absolute(value: &Value) -> Result<PathBuf, Problem> {
    match value {
        Value::String(text) if Path::new(text).is_absolute() => Ok(text.into()),
        Value::String(text) => {
            Err(Problem::new("", format!("`{text}` is not an absolute path")).advise("begin it with `/`"))
        }
        other => Err(Problem::new("", format!("expected a path, found {}", json::kind(other)))
            .advise("write an absolute path")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> (DevicePaths, Vec<String>) {
        let mut problems = Vec::new();
        let at = Pointer::root().key("devices");
        let paths = DevicePaths::read(value.as_object().unwrap(), &at, &mut problems);
        (paths, problems.iter().map(|problem| format!("{} {problem}", problem.pointer)).collect())
    }

    #[test]
    fn what_is_not_written_is_where_kubernetes_puts_it() {
        let (paths, problems) = read(&json!({}));
        assert_eq!(paths, DevicePaths::default());
        assert!(problems.is_empty());
        let (paths, problems) = read(&json!({
            "podResources": "/var/lib/k0s/kubelet/pod-resources/kubelet.sock", "deviceInfo": "/run/devinfo",
        }));
        assert_eq!(paths.pod_resources, Path::new("/var/lib/k0s/kubelet/pod-resources/kubelet.sock"));
        assert_eq!(paths.checkpoint, Path::new(CHECKPOINT));
        assert_eq!(paths.device_info, Path::new("/run/devinfo"));
        assert!(problems.is_empty());
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let rows = [
            (json!({"checkpoint": "state"}), "/devices/checkpoint", "`state` is not an absolute path"),
            (json!({"deviceInfo": ""}), "/devices/deviceInfo", "begin it with `/`"),
            (json!({"podResources": 7}), "/devices/podResources", "expected a path, found a number"),
            (json!({"podResources": null}), "/devices/podResources", "write an absolute path"),
            (json!({"socket": "/a"}), "/devices/socket", "use `podResources`, `checkpoint` and `deviceInfo`"),
        ];
        for (value, pointer, words) in rows {
            let (paths, problems) = read(&value);
            assert_eq!(paths, DevicePaths::default(), "{value}");
            assert_eq!(problems.len(), 1, "{value}");
            assert!(problems[0].starts_with(pointer) && problems[0].contains(words), "{problems:?}");
        }
    }
}
