//! Between the component ABI's text and the author's types.

use serde::de::DeserializeOwned;

use crate::{Attachment, CniResult, Failure, Plugin, Verdict};

const SETTINGS: &str = "the settings in the catalog";

/// What the `transform!` macro calls.
///
/// # Errors
/// The author's own failure, or text that does not fit the author's types (code 7).
pub fn transform<S: DeserializeOwned>(
    function: impl Fn(&Attachment, &mut Plugin, &S) -> Result<(), Failure>,
    attachment: &Attachment,
    plugin: &str,
    settings: &str,
) -> Result<String, Failure> {
    tell_panics();
    let settings = read(settings, SETTINGS).map_err(invalid)?;
    let mut plugin: Plugin = read(plugin, "the plugin's configuration").map_err(invalid)?;
    function(attachment, &mut plugin, &settings)?;
    serde_json::to_string(&plugin).map_err(|error| Failure::from(error.to_string()))
}

/// What the `policy!` macro calls. A policy that can't read what it judges refuses.
pub fn review<P: DeserializeOwned, S: DeserializeOwned>(
    function: impl Fn(&Attachment, &[P], &S) -> Verdict,
    attachment: &Attachment,
    plugins: &[String],
    settings: &str,
) -> Verdict {
    tell_panics();
    let read_all = || {
        let settings = read(settings, SETTINGS)?;
        let plugins = plugins.iter().map(|text| read(text, "a plugin's configuration"));
        Ok((plugins.collect::<Result<Vec<P>, String>>()?, settings))
    };
    match read_all() {
        Ok((plugins, settings)) => function(attachment, &plugins, &settings),
        Err(problem) => Verdict::Deny(problem),
    }
}

/// What the `delegate!` macro calls. Settings that are not set are read as nothing at all, so `()` will do for them.
///
/// # Errors
/// The author's own failure, or text that does not fit the author's types (code 7).
pub fn add<C: DeserializeOwned, S: DeserializeOwned>(
    function: impl Fn(&Attachment, &C, Option<&CniResult>, &S) -> Result<Option<CniResult>, Failure>,
    attachment: &Attachment,
    config: &str,
    prev: Option<&str>,
    settings: &str,
) -> Result<Option<String>, Failure> {
    tell_panics();
    let settings = if settings == "{}" {
        read("null", "").or_else(|_| read("{}", SETTINGS))
    } else {
        read(settings, SETTINGS)
    };
    let settings = settings.map_err(invalid)?;
    let config = read(config, "the plugin's configuration").map_err(invalid)?;
    let prev = prev.map(|text| read(text, "`prevResult`")).transpose().map_err(invalid)?;
    let result = function(attachment, &config, prev.as_ref(), &settings)?;
    let written = result.map(|result| serde_json::to_string(&result)).transpose();
    written.map_err(|error| Failure::from(error.to_string()))
}

fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} cannot be used: {error}"))
}

fn invalid(problem: String) -> Failure {
    Failure::new(7, problem)
}

/// A panic is the end of the instance; without this the operator would read nothing but "unreachable".
fn tell_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Settings {
        mtu: u32,
    }

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

    fn set(_: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
        plugin.insert("mtu".into(), settings.mtu.into());
        Ok(())
    }

    #[test]
    fn a_transform_gets_its_types_and_keeps_the_order() {
        let plugin = r#"{"type":"bridge","mtu":1500,"bridge":"br0"}"#;
        let changed = transform(set, &attachment(), plugin, r#"{"mtu":9000}"#).unwrap();
        assert_eq!(changed, r#"{"type":"bridge","mtu":9000,"bridge":"br0"}"#);
    }

    #[test]
    fn wrong_settings_are_named() {
        let failure = transform(set, &attachment(), "{}", r#"{"mut":9000}"#).unwrap_err();
        assert_eq!(failure.code, 7);
        assert!(failure.message.contains("settings") && failure.message.contains("`mtu`"), "{failure:?}");
    }

    #[test]
    fn a_policy_that_cannot_read_refuses() {
        let pass = |_: &Attachment, _: &[Plugin], _: &Settings| Verdict::Allow;
        let cases = [(r#"{"mtu":1}"#, "{}", true), (r#"{"mtu":1}"#, "[]", false), ("{}", "{}", false)];
        for (settings, plugin, allowed) in cases {
            let verdict = review(pass, &attachment(), &[plugin.to_owned()], settings);
            assert_eq!(verdict == Verdict::Allow, allowed, "{settings} {plugin}: {verdict:?}");
        }
    }

    #[test]
    fn a_delegate_gets_its_types_and_may_leave_the_result_to_the_host() {
        #[derive(Deserialize)]
        struct Conf {
            mtu: u32,
        }
        let done = |_: &Attachment, conf: &Conf, prev: Option<&CniResult>, (): &()| {
            Ok(prev.filter(|_| conf.mtu > 1000).cloned())
        };
        let prev = r#"{"cniVersion":"1.1.0","dns":{}}"#;
        let answer = |conf: &str| add(done, &attachment(), conf, Some(prev), "{}");
        assert_eq!(answer(r#"{"mtu":1400}"#).unwrap().unwrap(), prev);
        assert_eq!(answer(r#"{"mtu":1}"#).unwrap(), None);
        let failure = answer("{}").unwrap_err();
        assert!(failure.code == 7 && failure.message.contains("`mtu`"), "{failure:?}");
        assert_eq!(add(done, &attachment(), r#"{"mtu":1}"#, Some("[]"), "{}").unwrap_err().code, 7);
    }
}
