//! Device information, the format of device-info specification 1.1.0.

use std::fmt;

use multus_document::json;
use serde_json::{Map, Value};

/// What is told of one device: an object with `type`, `version` and, below the type's name, what that type
/// has to tell. Members that the specification does not know are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceInfo(Value);

/// Why a text is no device information.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not device information as of specification 1.1.0: {0}")]
pub struct InfoError(String);

/// A member of a type's object: its name, whether it must be there, and the values that it may have, where
/// they are listed.
type Member = (&'static str, bool, &'static [&'static str]);

/// The types with their members (3.1.3 to 3.1.6).
const TYPES: &[(&str, &[Member])] = &[
    (
        "pci",
        &[
            ("pci-address", true, &[]),
            ("vhost-net", false, &[]),
            ("rdma-device", false, &[]),
            ("pf-pci-address", false, &[]),
            ("representor-device", false, &[]),
        ],
    ),
    (
        "vdpa",
        &[
            ("parent-device", true, &[]),
            ("driver", true, &["vhost", "virtio"]),
            ("path", true, &[]),
            ("pci-address", false, &[]),
            ("pf-pci-address", false, &[]),
            ("representor-device", false, &[]),
        ],
    ),
    ("vhost-user", &[("mode", true, &["client", "server"]), ("path", true, &[])]),
    (
        "memif",
        &[
            ("role", true, &["master", "slave"]),
            ("path", true, &[]),
            ("mode", true, &["ethernet", "ip", "inject-punt"]),
        ],
    ),
];

impl DeviceInfo {
    /// Reads and checks the text of a device-info file.
    ///
    /// # Errors
    /// The first thing that is not as specified, with its place.
    pub fn parse(text: &[u8]) -> Result<Self, InfoError> {
        let value = json::parse(text).map_err(|error| InfoError(error.to_string()))?;
        match &value {
            Value::Object(members) => check(members).map_err(InfoError)?,
            other => return Err(InfoError(format!("it is {}, not an object", json::kind(other)))),
        }
        Ok(Self(value))
    }
}

/// For the network-status.
impl From<DeviceInfo> for Value {
    fn from(info: DeviceInfo) -> Self {
        info.0
    }
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn check(members: &Map<String, Value>) -> Result<(), String> {
    let version = text(members, "version")?.ok_or("`version` is missing")?;
    if !is_version_1(version) {
        return Err(format!("`version` is `{version}`, not one of 1.y.z"));
    }
    let name = text(members, "type")?.ok_or("`type` is missing")?;
    let Some((_, known)) = TYPES.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        return Err(format!("`type` is `{name}`, not one of {}", names.join(", ")));
    };
    let Some(Value::Object(described)) = members.get(name) else {
        return Err(format!("`{name}` is missing or not an object"));
    };
    known.iter().try_for_each(|member| check_member(name, described, member))
}

fn check_member(
    of: &str,
    described: &Map<String, Value>,
    (key, required, values): &Member,
) -> Result<(), String> {
    match text(described, key).map_err(|problem| format!("{of}: {problem}"))? {
        None if *required => Err(format!("{of}: `{key}` is missing")),
        Some(value) if !values.is_empty() && !values.contains(&value) => {
            Err(format!("{of}: `{key}` is `{value}`, not one of {}", values.join(", ")))
        }
        _ => Ok(()),
    }
}

fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match members.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` is {}, not a string", json::kind(other))),
    }
}

/// Minor versions only add.
fn is_version_1(text: &str) -> bool {
    let parts: Vec<Option<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    matches!(parts.as_slice(), [Some(1), Some(_), Some(_)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<DeviceInfo, String> {
        DeviceInfo::parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_specification_shows_is_read_and_written_as_it_came() {
        let rows = [
            json!({"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:01:02.2", "pf-pci-address": "0000:01:02.0"}}),
            json!({"type": "pci", "version": "1.0.0", "pci": {"vhost-net": "/dev/vhost-net", "pci-address": "0000:18:0a.2"}}),
            json!({"type": "vdpa", "version": "1.1.0", "vdpa": {"parent-device": "vdpa3", "driver": "vhost", "path": "/dev/vdpa-vhost0"}}),
            json!({"type": "vhost-user", "version": "1.1.0", "vhost-user": {"mode": "server", "path": "/var/run/vhost.sock"}}),
            json!({"type": "memif", "version": "1.1.0", "memif": {"role": "master", "path": "/run/m.sock", "mode": "ethernet"}}),
            json!({"version": "1.2.0", "type": "pci", "pci": {"pci-address": "0000:01:02.2", "later": [1]}, "more": {}}),
        ];
        for row in rows {
            assert_eq!(parse(&row).unwrap().to_string(), row.to_string());
        }
    }

    #[test]
    fn what_is_not_as_specified_is_named() {
        let rows = [
            (json!([]), "not an object"),
            (json!({"type": "pci", "pci": {}}), "`version` is missing"),
            (json!({"version": "1.1.0"}), "`type` is missing"),
            (json!({"version": "2.0.0", "type": "pci"}), "not one of 1.y.z"),
            (json!({"version": "1.1", "type": "pci"}), "not one of 1.y.z"),
            (json!({"version": 1.1, "type": "pci"}), "`version` is a number, not a string"),
            (json!({"version": "1.1.0", "type": "usb"}), "not one of pci, vdpa, vhost-user, memif"),
            (json!({"version": "1.1.0", "type": "pci"}), "`pci` is missing"),
            (
                json!({"version": "1.1.0", "type": "pci", "pci": "0000:01:02.2"}),
                "`pci` is missing or not an object",
            ),
            (json!({"version": "1.1.0", "type": "pci", "pci": {}}), "pci: `pci-address` is missing"),
            (
                json!({"version": "1.1.0", "type": "pci", "pci": {"pci-address": null}}),
                "pci: `pci-address` is null",
            ),
            (
                json!({"version": "1.1.0", "type": "pci", "pci": {"pci-address": "0", "rdma-device": 1}}),
                "pci: `rdma-device` is a number",
            ),
            (
                json!({"version": "1.1.0", "type": "vdpa", "vdpa": {"parent-device": "a", "driver": "b", "path": "/c"}}),
                "vdpa: `driver` is `b`, not one of vhost, virtio",
            ),
            (
                json!({"version": "1.1.0", "type": "vhost-user", "vhost-user": {"mode": "client"}}),
                "vhost-user: `path` is missing",
            ),
            (
                json!({"version": "1.1.0", "type": "memif", "memif": {"role": "leader", "path": "/m", "mode": "ip"}}),
                "memif: `role` is `leader`",
            ),
        ];
        for (row, words) in rows {
            let error = parse(&row).unwrap_err();
            assert!(error.contains(words), "{row}: {error}");
        }
        for text in ["", "{", "\u{0}", r#"{"type":"pci"} x"#] {
            assert!(DeviceInfo::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_information_or_an_error(text in any::<Vec<u8>>()) {
            let _ = DeviceInfo::parse(&text);
        }

        #[test]
        fn what_is_read_is_written_the_same(address in "[0-9a-f:.]{0,12}", more in "[a-z]{1,8}") {
            let mut info = json!({"type": "pci", "version": "1.1.0", "pci": {"pci-address": address}});
            info["pci"][format!("x-{more}")] = json!([more, 1.5]);
            let read = parse(&info).unwrap();
            prop_assert_eq!(DeviceInfo::parse(read.to_string().as_bytes()).unwrap(), read);
        }
    }
}
