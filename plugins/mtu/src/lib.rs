//! A transform that sets the MTU of every plugin it is asked about. Settings: `{"mtu": 9000}`.

use multus_guest::{Attachment, Failure, Plugin};
use serde::Deserialize;

/// The smallest packet that IPv4 lets a link carry, and the largest.
const RANGE: std::ops::RangeInclusive<u32> = 68..=65535;

/// What the operator sets.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Settings {
    /// In bytes.
    #[cfg_attr(test, schemars(range(min = 68, max = 65535)))]
    mtu: u32,
}

multus_guest::transform!(set_mtu);
multus_guest::describe!(Settings, schema = include_str!("../settings.schema.json"));

fn set_mtu(_: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    if !RANGE.contains(&settings.mtu) {
        let (low, high) = (RANGE.start(), RANGE.end());
        return Err(Failure::new(
            7,
            format!("settings: mtu {} is not between {low} and {high}", settings.mtu),
        ));
    }
    plugin.insert("mtu".to_owned(), settings.mtu.into());
    Ok(())
}

#[cfg(test)]
multus_guest::fixtures!(transform = set_mtu);

#[cfg(test)]
mod tests {
    use super::*;
    use multus_guest::glue;

    fn attachment() -> Attachment {
        Attachment {
            container_id: "c1".into(),
            interface_name: "net1".into(),
            network: "blue/storage".into(),
            index: 1,
            default_network: false,
            pod: None,
            context: "{}".into(),
        }
    }

    #[test]
    fn the_schema_is_that_of_the_settings() {
        let schema = schemars::schema_for!(Settings);
        multus_guest::testing::same_schema(env!("CARGO_MANIFEST_DIR"), "settings.schema.json", schema);
    }

    #[test]
    fn the_mtu_is_set_and_nothing_else_is() {
        let plugin = r#"{"type":"macvlan","mtu":1500,"ipam":{"type":"host-local"}}"#;
        let changed = glue::transform(set_mtu, &attachment(), plugin, r#"{"mtu":9000}"#);
        assert_eq!(changed.unwrap(), r#"{"type":"macvlan","mtu":9000,"ipam":{"type":"host-local"}}"#);
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for settings in
            ["{}", r#"{"mtu":0}"#, r#"{"mtu":65536}"#, r#"{"mtu":"9000"}"#, r#"{"mtu":9000,"x":1}"#]
        {
            let failure = glue::transform(set_mtu, &attachment(), "{}", settings).unwrap_err();
            assert_eq!(failure.code, 7, "{settings}");
            assert!(failure.message.contains("settings"), "{failure:?}");
        }
    }
}
