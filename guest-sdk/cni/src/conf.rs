//! JSON of CNI, read key by key: a delegate's conf, a result.
//!
//! The reference plugins read their confs leniently: `null` stands for a key that is not there, 0 and `""` mostly, too,
//! and what nobody knows is passed over. So do we, but a key in another case (`isgateway`), which they take for the
//! key, is refused with its right name.

use std::str::FromStr;

use multus_guest::{Failure, Plugin};
use serde_json::Value;

/// A value of a conf, or the place where one would be.
#[derive(Debug, Clone)]
pub struct Conf<'a> {
    value: Option<&'a Value>,
    /// The document itself, whose value has another type.
    plugin: Option<&'a Plugin>,
    /// What the document is, for messages.
    what: &'static str,
    place: String,
}

impl<'a> Conf<'a> {
    /// A whole conf.
    pub fn of(plugin: &'a Plugin) -> Self {
        Self::document("the conf", plugin)
    }

    /// Another document; `what` is it called in messages.
    pub fn document(what: &'static str, members: &'a Plugin) -> Self {
        Self { value: None, plugin: Some(members), what, place: String::new() }
    }

    fn with(&self, value: Option<&'a Value>, place: String) -> Self {
        Self { value: value.filter(|value| !value.is_null()), plugin: None, what: self.what, place }
    }

    /// What stands there under a key.
    ///
    /// # Errors
    /// Code 7 if there is something else than an object, or the key in another case.
    pub fn at(&self, key: &str) -> Result<Self, Failure> {
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        let members = match (self.plugin, self.value) {
            (Some(members), _) => members,
            (_, None) => return Ok(self.with(None, place)),
            (_, Some(value)) => value.as_object().ok_or_else(|| self.wants("an object"))?,
        };
        let value = members.get(key);
        if value.is_none()
            && let Some(close) = members.keys().find(|other| other.eq_ignore_ascii_case(key))
        {
            return Err(invalid(format!("{}'s key `{close}` is written `{key}`", self.what)));
        }
        Ok(self.with(value, place))
    }

    /// Several keys deep.
    ///
    /// # Errors
    /// As [`Conf::at`].
    pub fn path(&self, keys: &[&str]) -> Result<Self, Failure> {
        keys.iter().try_fold(self.clone(), |conf, key| conf.at(key))
    }

    /// Where it is, for messages: `ipam.ranges[0][1].subnet`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether anything stands there.
    pub fn exists(&self) -> bool {
        self.value.is_some() || self.plugin.is_some()
    }

    /// True or false; false if nothing stands there.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn flag(&self) -> Result<bool, Failure> {
        self.value.map_or(Ok(false), |value| value.as_bool().ok_or_else(|| self.wants("true or false")))
    }

    /// A number from 1 up; `None` for 0, which stands for nothing.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn number(&self) -> Result<Option<u32>, Failure> {
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let wrong = || self.wants("a number, not below 0");
        let number = self.value.map(|value| number(value).ok_or_else(wrong)).transpose()?;
        Ok(number.filter(|number| *number != 0))
    }

    /// The same of what may be too large for [`Conf::number`].
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn large_number(&self) -> Result<Option<u64>, Failure> {
        let wrong = || self.wants("a number, not below 0");
        let number = self.value.map(|value| value.as_u64().ok_or_else(wrong)).transpose()?;
        Ok(number.filter(|number| *number != 0))
    }

    /// A text; `None` for an empty one.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn text(&self) -> Result<Option<&'a str>, Failure> {
        let text = self.value.map(|value| value.as_str().ok_or_else(|| self.wants("a text"))).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A text that is read as something: `what` completes "must be …".
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn parsed<T: FromStr>(&self, what: &str) -> Result<Option<T>, Failure> {
        self.text()?.map(|text| text.parse().map_err(|_| self.wants(what))).transpose()
    }

    /// The items of a list; none if nothing stands there.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn items(&self) -> Result<Vec<Self>, Failure> {
        let items =
            self.value.map(|value| value.as_array().ok_or_else(|| self.wants("a list"))).transpose()?;
        let item = |(index, value)| self.with(Some(value), format!("{}[{index}]", self.place));
        Ok(items.into_iter().flatten().enumerate().map(item).collect())
    }

    /// The members of an object by their keys; none if nothing stands there.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn members(&self) -> Result<Vec<(&'a str, Self)>, Failure> {
        let members =
            self.value.map(|value| value.as_object().ok_or_else(|| self.wants("an object"))).transpose()?;
        let member = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), self.with(Some(value), format!("{}.{key}", self.place)))
        };
        Ok(members.into_iter().flatten().map(member).collect())
    }

    /// A list of texts.
    ///
    /// # Errors
    /// Code 7 for anything else.
    pub fn texts(&self) -> Result<Vec<&'a str>, Failure> {
        let texts = self.items()?;
        texts.iter().map(|item| item.text()?.ok_or_else(|| item.wants("a text"))).collect()
    }

    /// The failure for a value that is not what it has to be.
    pub fn wants(&self, what: &str) -> Failure {
        match self.value {
            Some(value) => {
                invalid(format!("{}'s `{}` must be {what}, and is {value}", self.what, self.place))
            }
            None => invalid(format!("{} needs `{}`: {what}", self.what, self.place)),
        }
    }
}

/// A conf that can't be used (code 7).
pub fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(7, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn plugin(text: &str) -> Plugin {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn values_are_read_leniently_as_the_reference_plugins_do() {
        let plugin = plugin(
            r#"{"isGateway": true, "mtu": 1400, "zero": 0, "bridge": "br0", "empty": "", "none": null,
                "ipam": {"ranges": [[{"gateway": "10.1.0.1"}], []]}, "names": ["a", "b"]}"#,
        );
        let conf = Conf::of(&plugin);
        let at = |key| conf.at(key).unwrap();
        assert_eq!((at("isGateway").flag().unwrap(), at("x").flag().unwrap()), (true, false));
        assert_eq!((at("mtu").number().unwrap(), at("zero").number().unwrap()), (Some(1400), None));
        let large = |key| at(key).large_number().unwrap();
        assert_eq!([large("mtu"), large("zero"), large("x")], [Some(1400), None, None]);
        assert!(at("bridge").large_number().is_err());
        assert_eq!((at("bridge").text().unwrap(), at("empty").text().unwrap()), (Some("br0"), None));
        assert!(at("bridge").exists() && !at("none").exists() && !at("x").exists());
        assert!(!conf.path(&["x", "y", "z"]).unwrap().exists());
        assert_eq!(at("names").texts().unwrap(), ["a", "b"]);
        assert!(at("none").items().unwrap().is_empty());
        let ranges = conf.path(&["ipam", "ranges"]).unwrap().items().unwrap();
        let gateway = ranges[0].items().unwrap()[0].at("gateway").unwrap();
        assert_eq!(gateway.place(), "ipam.ranges[0][0].gateway");
        assert_eq!(gateway.parsed::<IpAddr>("an address").unwrap().unwrap().to_string(), "10.1.0.1");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let plugin =
            plugin(r#"{"isgateway": true, "mtu": "x", "ipam": {"subnet": 5, "ips": ["a", ""]}, "l": {}}"#);
        let conf = Conf::of(&plugin);
        let at = |path: &[&str]| conf.path(path).unwrap();
        let failures = [
            (conf.at("isGateway").map(|_| ()), "key `isgateway` is written `isGateway`"),
            (at(&["mtu"]).number().map(|_| ()), "`mtu` must be a number, not below 0, and is \"x\""),
            (at(&["mtu"]).flag().map(|_| ()), "`mtu` must be true or false"),
            (at(&["ipam", "subnet"]).text().map(|_| ()), "`ipam.subnet` must be a text, and is 5"),
            (at(&["ipam", "subnet"]).at("x").map(|_| ()), "`ipam.subnet` must be an object"),
            (at(&["ipam", "ips"]).texts().map(|_| ()), "`ipam.ips[1]` must be a text"),
            (at(&["l"]).items().map(|_| ()), "`l` must be a list"),
            (at(&["mtu"]).members().map(|_| ()), "`mtu` must be an object"),
            (
                at(&["ipam"]).members().unwrap().iter().try_for_each(|(_, each)| each.at("x").map(|_| ())),
                "` must be an object, and is ",
            ),
            (at(&["mtu"]).parsed::<IpAddr>("an address").map(|_| ()), "`mtu` must be an address"),
            (Err(at(&["ipam", "gateway"]).wants("an address")), "needs `ipam.gateway`: an address"),
        ];
        for (failure, words) in failures {
            let failure = failure.unwrap_err();
            assert!(failure.code == 7 && failure.message.contains(words), "{words}: {failure:?}");
        }
    }

    proptest! {
        #[test]
        fn no_conf_stops_the_reader(text in r#"\{"a":(\[|\{|"|[0-9a-z.:/]|\]|\}){0,20}\}"#) {
            if let Ok(plugin) = serde_json::from_str::<Plugin>(&text) {
                let conf = Conf::of(&plugin).at("a").unwrap();
                let _ = (conf.flag(), conf.number(), conf.text(), conf.items(), conf.texts(), conf.path(&["b", "c"]));
            }
        }
    }
}
