//! A result as text: kept as the plugin printed it, converted only where another version is asked for.

use multus_document::Object;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::CniResult;
use super::check::fault;
use super::wire::{Early, Later};
use crate::error::{Code, Error};
use crate::version::Version;

/// A checked result in the version of its network.
#[derive(Debug, Clone)]
pub struct ResultDocument {
    pub(super) version: Version,
    pub(super) text: Box<RawValue>,
}

impl ResultDocument {
    /// Reads what a plugin printed for an ADD. Text in another version than `expected` is converted; text
    /// without a version counts as being in the expected one, as the reference library reads it, unless its
    /// members can only be those of 0.2.0.
    ///
    /// # Errors
    /// Code 6 for no or unreadable text, code 1 for a version that we don't speak.
    pub fn parse(stdout: &[u8], expected: Version) -> Result<Self, Error> {
        if stdout.trim_ascii().is_empty() {
            let message = "the plugin exited with success but printed no result";
            return Err(Error::new(Code::Decode, message));
        }
        let mut object = Object::parse(stdout).map_err(|error| unreadable(&error.to_string(), stdout))?;
        let version = match object.get("cniVersion") {
            None | Some(Value::Null) => unnamed(&object, expected),
            Some(Value::String(text)) if text.is_empty() => unnamed(&object, expected),
            Some(Value::String(text)) => Version::parse(&text)?,
            Some(other) => return Err(unreadable(&format!("cniVersion is {other}"), stdout)),
        };
        if !version.is_supported() {
            let message =
                format!("the plugin returned a result of version {version}, which is not known here");
            return Err(Error::new(Code::IncompatibleVersion, message));
        }
        object.set("cniVersion", &Value::from(version.to_string()));
        let document = Self { version, text: raw(&object)? };
        document.result()?;
        Ok(Self { version: expected, text: document.to_version(expected)? })
    }

    /// A result that was made here, in a version. What the version can't express is left out.
    ///
    /// # Errors
    /// Code 6 for what is no result, such as an address that is none.
    pub fn of(result: &CniResult, version: Version) -> Result<Self, Error> {
        let document = Self { version, text: written(result, version)? };
        document.result()?;
        Ok(document)
    }

    /// The version that the text is in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The text.
    pub fn raw(&self) -> &RawValue {
        &self.text
    }

    /// What the text says.
    ///
    /// # Errors
    /// Code 6, naming what is not as the version wants it.
    pub fn result(&self) -> Result<CniResult, Error> {
        if self.version < Version::V0_3_0 {
            self.read::<Early>().map(Early::read)
        } else {
            self.read::<Later>().map(Later::read)
        }
        .and_then(|result| match fault(&result) {
            None => Ok(result),
            Some(why) => Err(unreadable(&why, self.text.get().as_bytes())),
        })
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(self.text.get()).map_err(|error| {
            unreadable(
                &format!("as a result of version {}: {error}", self.version),
                self.text.get().as_bytes(),
            )
        })
    }

    /// The result in a version: the very text where that is its own, else converted, in either direction.
    /// What the other version can't express is left out.
    ///
    /// # Errors
    /// Code 6 where the text can't be read.
    pub fn to_version(&self, version: Version) -> Result<Box<RawValue>, Error> {
        if version == self.version {
            return Ok(self.text.clone());
        }
        written(&self.result()?, version)
    }
}

/// A result as the text of a version.
fn written(result: &CniResult, version: Version) -> Result<Box<RawValue>, Error> {
    let shape =
        if version < Version::V0_3_0 { raw(&Early::of(result)) } else { raw(&Later::of(result, version)) }?;
    let mut object = Object::default();
    object.set("cniVersion", &Value::from(version.to_string()));
    let members =
        Object::parse(shape.get().as_bytes()).map_err(|error| unreadable(&error.to_string(), b""))?;
    for key in members.keys() {
        if let Some(value) = members.get(key) {
            object.set(key, &value);
        }
    }
    raw(&object)
}

/// The version of a result that does not say it. Plugins of 2016 and 2017 answer in the form of their time
/// whatever they are asked for; read as a later one, their addresses would be lost.
fn unnamed(result: &Object, expected: Version) -> Version {
    let early = result.contains("ip4") || result.contains("ip6");
    if early && !result.contains("ips") { expected.min(Version::V0_2_0) } else { expected }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|error| Error::new(Code::Internal, error.to_string()))
}

fn unreadable(why: &str, printed: &[u8]) -> Error {
    let start: String = String::from_utf8_lossy(printed).chars().take(200).collect();
    Error::new(Code::Decode, format!("the plugin's result can't be read: {why}"))
        .with_details(format!("it printed: {}", start.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::SUPPORTED;
    use proptest::prelude::*;
    use serde_json::json;

    const FULL: &str = r#"{"cniVersion": "1.1.0",
        "interfaces": [{"name": "br0"}, {"name": "eth0", "mac": "0a:58:0a:00:00:02", "mtu": 1400, "sandbox": "/run/netns/a", "pciID": "0000:00:01.0"}],
        "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1}, {"address": "fd00::2/64", "interface": 1}, {"address": "10.0.0.3/24"}],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1", "priority": 5}, {"dst": "::/0"}],
        "dns": {"nameservers": ["10.0.0.1"], "search": null},
        "vendor": {"n": 1.0}}"#;

    fn value(text: &RawValue) -> Value {
        serde_json::from_str(text.get()).unwrap()
    }

    #[test]
    fn cni_15_the_same_version_is_passed_through_as_printed() {
        let document = ResultDocument::parse(FULL.as_bytes(), Version::V1_1_0).unwrap();
        assert!(document.raw().get().contains(r#""vendor":{"n": 1.0}"#));
        let without = br#"{"ips":[{"address":"10.0.0.2/24"}]}"#;
        let document = ResultDocument::parse(without, Version::V1_0_0).unwrap();
        assert_eq!(value(document.raw())["cniVersion"], "1.0.0");
    }

    #[test]
    fn cni_12_results_are_converted_downwards() {
        let document = ResultDocument::parse(FULL.as_bytes(), Version::V1_1_0).unwrap();
        let early = json!({"cniVersion": "0.2.0",
            "ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}]},
            "ip6": {"ip": "fd00::2/64", "routes": [{"dst": "::/0"}]},
            "dns": {"nameservers": ["10.0.0.1"]}});
        assert_eq!(value(&document.to_version(Version::V0_2_0).unwrap()), early);
        let middle = json!({"cniVersion": "0.4.0",
            "interfaces": [{"name": "br0"}, {"name": "eth0", "mac": "0a:58:0a:00:00:02", "sandbox": "/run/netns/a"}],
            "ips": [{"version": "4", "address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1},
                    {"version": "6", "address": "fd00::2/64", "interface": 1}, {"version": "4", "address": "10.0.0.3/24"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}, {"dst": "::/0"}],
            "dns": {"nameservers": ["10.0.0.1"]}});
        assert_eq!(value(&document.to_version(Version::V0_4_0).unwrap()), middle);
    }

    #[test]
    fn cni_12_results_are_converted_upwards() {
        let early =
            br#"{"ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [{"dst": "0.0.0.0/0"}]}}"#;
        let document = ResultDocument::parse(early, Version::V0_1_0).unwrap();
        let expected = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1"}],
            "routes": [{"dst": "0.0.0.0/0"}], "dns": {}});
        assert_eq!(value(&document.to_version(Version::V1_0_0).unwrap()), expected);
    }

    #[test]
    fn cni_12_a_plugin_that_knows_only_its_own_time_is_understood() {
        let early = br#"{"ip4": {"ip": "10.0.0.2/24", "routes": null}, "dns": {}}"#;
        for (expected, address) in
            [(Version::V0_2_0, None), (Version::V0_3_1, Some("4")), (Version::V1_1_0, None)]
        {
            let document = ResultDocument::parse(early, expected).unwrap();
            assert_eq!(document.version(), expected);
            assert_eq!(document.result().unwrap().ips[0].address, "10.0.0.2/24");
            let shown = value(document.raw());
            assert_eq!(shown["cniVersion"], expected.to_string());
            assert_eq!(shown["ips"][0]["version"].as_str(), address);
        }
    }

    #[test]
    fn what_is_made_here_reads_as_a_plugins() {
        let printed = ResultDocument::parse(FULL.as_bytes(), Version::V1_1_0).unwrap().result().unwrap();
        for version in SUPPORTED {
            let made = ResultDocument::of(&printed, *version).unwrap();
            assert_eq!(value(made.raw())["cniVersion"], version.to_string());
            let again = ResultDocument::parse(made.raw().get().as_bytes(), *version).unwrap();
            assert_eq!(again.result().unwrap(), made.result().unwrap());
        }
    }

    #[test]
    fn cni_15_null_is_absent_as_for_plugins_in_go() {
        let text = br#"{"cniVersion": null, "interfaces": null, "routes": null, "dns": null,
            "ips": [{"version": null, "address": "10.0.0.2/24", "gateway": "", "interface": null}]}"#;
        let result = ResultDocument::parse(text, Version::V1_0_0).unwrap().result().unwrap();
        assert_eq!((result.ips.len(), result.interfaces.len(), result.routes.len()), (1, 0, 0));
        assert_eq!(result.ips[0].gateway, None, "an empty address is none");
    }

    #[test]
    fn cni_15_a_negative_interface_is_none() {
        let text = br#"{"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.0.0.2/24", "interface": -1}]}"#;
        let document = ResultDocument::parse(text, Version::V0_3_1).unwrap();
        assert_eq!(document.result().unwrap().ips[0].interface, None);
        assert!(document.raw().get().contains("-1"), "passed on as printed");
    }

    #[test]
    fn what_is_no_result_is_an_error_with_its_code() {
        let rows: &[(&[u8], u32)] = &[
            (b"", 6),
            (b" \n", 6),
            (b"hello", 6),
            (b"[]", 6),
            (b"null", 6),
            (br#"{"cniVersion": 1}"#, 6),
            (br#"{"cniVersion": "9.0.0"}"#, 1),
            (br#"{"cniVersion": "1.0.0", "ips": "10.0.0.2"}"#, 6),
            (br#"{"cniVersion": "1.0.0", "interfaces": [5]}"#, 6),
            (br#"{"cniVersion": "1.0.0", "ips": [{}]}"#, 6),
            (br#"{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2"}]}"#, 6),
            (br#"{"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.2/33"}}"#, 6),
        ];
        for (text, code) in rows {
            let error = ResultDocument::parse(text, Version::V1_0_0).unwrap_err();
            assert_eq!(error.code, *code, "{}: {error}", String::from_utf8_lossy(text));
        }
    }

    /// A result of 0.1.0 or 0.2.0 that has the first of the addresses of each family.
    fn early(hosts: &[(u8, bool, bool)]) -> Value {
        let mut text = json!({"cniVersion": "", "dns": {"nameservers": ["10.0.0.1"]}});
        for (n, v6, route) in hosts.iter().rev() {
            let (key, net, gw) = if *v6 {
                ("ip6", format!("fd00::{n:x}/64"), "fd00::1")
            } else {
                ("ip4", format!("10.0.0.{n}/24"), "10.0.0.1")
            };
            text[key] = json!({"ip": net, "gateway": gw});
            if *route {
                text[key]["routes"] = json!([{"dst": net, "gw": gw}, {"dst": net}]);
            }
        }
        text
    }

    /// A result of 0.3.0 or later with what that version knows.
    fn later(hosts: &[(u8, bool, bool)], version: Version) -> Value {
        let mut text = json!({"cniVersion": "", "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/n"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}], "dns": {"domain": "x", "search": ["y"]}});
        let ips = hosts.iter().map(|(n, v6, link)| {
            let mut ip =
                json!({"address": if *v6 { format!("fd00::{n:x}/64") } else { format!("10.0.0.{n}/24") }});
            if version < Version::V1_0_0 {
                ip["version"] = json!(if *v6 { "6" } else { "4" });
            }
            if *link {
                ip["interface"] = json!(0);
            }
            ip
        });
        if !hosts.is_empty() {
            text["ips"] = ips.collect();
        }
        if version >= Version::V1_1_0 {
            text["interfaces"][0]["mtu"] = json!(1400);
            text["interfaces"][0]["socketPath"] = json!("/run/s");
            text["routes"][0]["table"] = json!(100);
        }
        text
    }

    proptest! {
        #[test]
        fn any_output_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ResultDocument::parse(&bytes, Version::V1_1_0);
        }

        #[test]
        fn an_older_result_survives_the_way_up_and_back(
            version in proptest::sample::select(SUPPORTED),
            newer in proptest::sample::select(SUPPORTED),
            hosts in proptest::collection::vec((any::<u8>(), any::<bool>(), any::<bool>()), 0..4),
        ) {
            let up = version.max(newer);
            let text = if version < Version::V0_3_0 { early(&hosts) } else { later(&hosts, version) };
            let document = ResultDocument::parse(text.to_string().as_bytes(), version).unwrap();
            let above = document.to_version(up).unwrap();
            let back = ResultDocument::parse(above.get().as_bytes(), up).unwrap().to_version(version).unwrap();
            let mut expected = text;
            expected["cniVersion"] = json!(version.to_string());
            prop_assert_eq!(value(&back), expected);
        }

        #[test]
        fn what_an_older_version_can_hold_survives_the_way_there_and_back(
            ips in proptest::collection::vec((any::<u8>(), any::<bool>(), proptest::option::of(0_usize..3)), 0..4),
            version in proptest::sample::select(SUPPORTED),
        ) {
            let ips: Vec<Value> = ips.iter().map(|(n, v6, interface)| {
                let address = if *v6 { format!("fd00::{n:x}/64") } else { format!("10.0.0.{n}/24") };
                match interface { Some(at) => json!({"address": address, "interface": at}), None => json!({"address": address}) }
            }).collect();
            let text = json!({"cniVersion": "1.1.0", "ips": ips}).to_string();
            let document = ResultDocument::parse(text.as_bytes(), Version::V1_1_0).unwrap();
            let older = document.to_version(version).unwrap();
            let back = ResultDocument::parse(older.get().as_bytes(), Version::V1_1_0).unwrap();
            let (before, after) = (document.result().unwrap(), back.result().unwrap());
            if version >= Version::V0_3_0 {
                prop_assert_eq!(before, after);
            } else {
                for ip in after.ips {
                    prop_assert!(before.ips.iter().any(|old| old.address == ip.address));
                }
            }
        }
    }
}
