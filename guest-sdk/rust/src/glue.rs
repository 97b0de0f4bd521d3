//! Between the component ABI's text and the author's types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Attachment, Complaint, Failure, Plugin, Verdict, complaint};

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

/// What the `delegate!` macro calls for ADD.
///
/// # Errors
/// The author's own failure, or text that does not fit the author's types (code 7).
pub fn add<C, P, S, R>(
    function: impl Fn(&Attachment, &C, Option<&P>, &S) -> Result<Option<R>, Failure>,
    attachment: &Attachment,
    config: &str,
    prev: Option<&str>,
    settings: &str,
) -> Result<Option<String>, Failure>
where
    C: DeserializeOwned,
    P: DeserializeOwned,
    S: DeserializeOwned,
    R: Serialize,
{
    let (config, prev, settings) = delegates(config, prev, settings)?;
    let result = function(attachment, &config, prev.as_ref(), &settings)?;
    let written = result.map(|result| serde_json::to_string(&result)).transpose();
    written.map_err(|error| Failure::from(error.to_string()))
}

/// What the `delegate!` macro calls for CHECK.
///
/// # Errors
/// As for [`add`].
pub fn check<C: DeserializeOwned, P: DeserializeOwned, S: DeserializeOwned>(
    function: impl Fn(&Attachment, &C, &P, &S) -> Result<(), Failure>,
    attachment: &Attachment,
    config: &str,
    prev: &str,
    settings: &str,
) -> Result<(), Failure> {
    let (config, prev, settings) = delegates(config, Some(prev), settings)?;
    // It was read, so it is there.
    prev.map_or(Ok(()), |prev| function(attachment, &config, &prev, &settings))
}

/// What the `delegate!` macro calls for DEL.
///
/// # Errors
/// As for [`add`].
pub fn del<C: DeserializeOwned, P: DeserializeOwned, S: DeserializeOwned>(
    function: impl Fn(&Attachment, &C, Option<&P>, &S) -> Result<(), Failure>,
    attachment: &Attachment,
    config: &str,
    prev: Option<&str>,
    settings: &str,
) -> Result<(), Failure> {
    let (config, prev, settings) = delegates(config, prev, settings)?;
    function(attachment, &config, prev.as_ref(), &settings)
}

/// What the `describe!` macro calls: settings have to fit the author's type, and then the author.
pub fn validate<S: DeserializeOwned>(
    author: impl Fn(&S) -> Vec<Complaint>,
    settings: &str,
) -> Vec<Complaint> {
    tell_panics();
    match delegate_settings(settings) {
        Ok(settings) => author(&settings),
        Err(problem) => vec![complaint("", problem)],
    }
}

/// Of settings that need no more than to fit their type.
pub fn nothing_else<S>(_: &S) -> Vec<Complaint> {
    Vec::new()
}

/// Whether text can stand between quotes in JSON as it is.
pub const fn is_plain(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        if *first < b' ' || matches!(*first, b'"' | b'\\') {
            return false;
        }
        rest = others;
    }
    true
}

/// The bytes of a text of that length.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    match text.as_bytes().first_chunk() {
        Some(bytes) => *bytes,
        None => [0; N],
    }
}

fn delegates<C: DeserializeOwned, P: DeserializeOwned, S: DeserializeOwned>(
    config: &str,
    prev: Option<&str>,
    settings: &str,
) -> Result<(C, Option<P>, S), Failure> {
    tell_panics();
    let config = read(config, "the plugin's configuration").map_err(invalid)?;
    let prev = prev.map(|text| read(text, "the result before")).transpose().map_err(invalid)?;
    Ok((config, prev, delegate_settings(settings).map_err(invalid)?))
}

/// Settings that the catalog does not have are `{}`, which `()` can't be read from.
fn delegate_settings<S: DeserializeOwned>(text: &str) -> Result<S, String> {
    let none = (text == "{}").then(|| serde_json::from_str("null").ok()).flatten();
    none.map_or_else(|| read(text, SETTINGS), Ok)
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
    use crate::CniResult;
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

    #[test]
    fn settings_are_judged_by_their_type_and_by_the_author() {
        let even = |settings: &Settings| match settings.mtu % 2 {
            0 => Vec::new(),
            _ => vec![complaint("/mtu", "is odd")],
        };
        assert_eq!(validate(even, r#"{"mtu":2}"#), []);
        assert_eq!(validate(even, r#"{"mtu":3}"#), [complaint("/mtu", "is odd")]);
        let unfit = validate(even, "{}");
        assert!(unfit[0].place.is_empty() && unfit[0].message.contains("`mtu`"), "{unfit:?}");
        assert_eq!(validate(nothing_else::<()>, "{}"), [], "a delegate without settings");
    }

    #[test]
    fn what_would_break_a_description_is_found_when_it_is_built() {
        for (text, plain) in
            [("Sets MTUs: µ", true), ("", true), ("a\"b", false), ("a\\b", false), ("a\nb", false)]
        {
            assert_eq!(is_plain(text), plain, "{text}");
        }
        assert_eq!(bytes::<2>("ab"), *b"ab");
    }

    #[test]
    fn results_may_be_of_any_type() {
        let pass_on =
            |_: &Attachment, (): &(), prev: Option<&serde_json::Value>, _: &Settings| Ok(prev.cloned());
        let answer = add(pass_on, &attachment(), "null", Some(r#"{"x":1}"#), r#"{"mtu":1}"#);
        assert_eq!(answer.unwrap().unwrap(), r#"{"x":1}"#);
    }

    #[test]
    fn check_and_del_get_the_same_types() {
        let no_mac = |_: &Attachment, _: &Plugin, prev: &CniResult, (): &()| match prev.interfaces.first() {
            Some(link) if link.mac.is_some() => Ok(()),
            _ => Err(Failure::new(100, "no mac")),
        };
        let prev = r#"{"interfaces":[{"name":"net1","mac":"0a:58:0a:01:02:03"}]}"#;
        assert_eq!(check(no_mac, &attachment(), "{}", prev, "{}"), Ok(()));
        assert_eq!(check(no_mac, &attachment(), "{}", "{}", "{}").unwrap_err().message, "no mac");
        let gone = |_: &Attachment, _: &Plugin, prev: Option<&CniResult>, (): &()| {
            prev.map_or_else(|| Err(Failure::from("nothing before")), |_| Ok(()))
        };
        assert_eq!(del(gone, &attachment(), "{}", Some(prev), "{}"), Ok(()));
        assert_eq!(del(gone, &attachment(), "{}", None, "{}").unwrap_err().message, "nothing before");
        assert_eq!(del(gone, &attachment(), "{}", Some("[]"), "{}").unwrap_err().code, 7);
    }
}
