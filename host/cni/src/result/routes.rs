//! Changing what a result says of default routes, and nothing else of its text.

use multus_document::Object;
use serde_json::value::{RawValue, to_raw_value};

use super::wire::plain_route;
use super::{ResultDocument, Route};
use crate::error::{Code, Error};
use crate::version::Version;

impl ResultDocument {
    /// The same result, in which `routes` are the main table's default routes of one family. All else stays as the
    /// plugin printed it, also the gateways of addresses: they are those of the subnets, whoever has the default
    /// route, and `static` compares them at CHECK.
    ///
    /// What the version can't hold is left out: metrics before 1.1.0, and before 0.3.0 routes of a family without an
    /// address.
    ///
    /// # Errors
    /// Code 6 where the text can't be read.
    pub fn with_default_routes(&self, v6: bool, routes: &[Route]) -> Result<Self, Error> {
        let mut object = Object::parse(self.text.get().as_bytes())
            .map_err(|error| Error::new(Code::Decode, format!("the result can't be read: {error}")))?;
        let full = self.version >= Version::V1_1_0;
        let routes: Vec<Route> =
            routes.iter().map(|route| if full { route.clone() } else { plain_route(route) }).collect();
        let changed = if self.version >= Version::V0_3_0 {
            replace(&mut object, v6, &routes)?
        } else {
            replace_early(&mut object, v6, &routes)?
        };
        Ok(if changed { Self { version: self.version, text: raw(&object)? } } else { self.clone() })
    }
}

/// Before 0.3.0 routes stand with the address of their family.
fn replace_early(object: &mut Object, v6: bool, wanted: &[Route]) -> Result<bool, Error> {
    let family = if v6 { "ip6" } else { "ip4" };
    let Some(mut address) = object.read::<Object>(family) else { return Ok(false) };
    let changed = replace(&mut address, v6, wanted)?;
    if changed {
        object.set_text(family, &raw(&address)?);
    }
    Ok(changed)
}

/// Exchanges default routes in the member `routes` of `holder`; false if they are these already.
fn replace(holder: &mut Object, v6: bool, wanted: &[Route]) -> Result<bool, Error> {
    let all: Vec<Box<RawValue>> = holder.read("routes").unwrap_or_default();
    let (old, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(|text| default(text, v6).is_some());
    if old.iter().filter_map(|text| default(text, v6)).eq(wanted.iter().cloned()) {
        return Ok(false);
    }
    for route in wanted {
        others.push(raw(route)?);
    }
    if others.is_empty() {
        holder.remove("routes");
    } else {
        holder.set_text("routes", &raw(&others)?);
    }
    Ok(true)
}

/// The main table's default route of a family, if the text is one.
fn default(route: &RawValue, v6: bool) -> Option<Route> {
    let route: Route = serde_json::from_str(route.get()).ok()?;
    (route.is_main_default() && route.is_v6() == v6).then_some(route)
}

fn raw(value: &impl serde::Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(|error| Error::new(Code::Internal, error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::version::SUPPORTED;

    fn route(gateway: &str, priority: Option<u32>) -> Route {
        let dst = if gateway.contains(':') { "::/0" } else { "0.0.0.0/0" };
        Route { dst: dst.into(), gw: Some(gateway.into()), priority, ..Route::default() }
    }

    fn changed(text: &str, version: Version, v6: bool, routes: &[Route]) -> String {
        let document = ResultDocument::parse(text.as_bytes(), version).unwrap();
        document.with_default_routes(v6, routes).unwrap().raw().to_string()
    }

    #[test]
    fn default_routes_are_exchanged_and_all_else_keeps_its_text() {
        let two = [route("10.9.0.1", None), route("10.9.0.2", Some(1))];
        let six = [route("fe80::1", None)];
        let head = r#"{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.2/24", "gateway":"10.0.0.1"}]"#;
        let tail = r#""vendor":{"n": 1.0}}"#;
        let old4 = r#"{"dst":"0.0.0.0/0", "gw":"10.0.0.1"}"#;
        let new4 = r#"{"dst":"0.0.0.0/0","gw":"10.9.0.1"},{"dst":"0.0.0.0/0","gw":"10.9.0.2","priority":1}"#;
        let other = r#"{"dst":"10.5.0.0/16",  "x":1e2}"#;
        let table = r#"{"dst":"0.0.0.0/0","table":100}"#;
        let old6 = r#"{"dst":"::/0"}"#;
        type Row<'a> = (&'a str, String, bool, &'a [Route], String);
        let with = |routes: &[&str]| format!("{head},\"routes\":[{}],{tail}", routes.join(","));
        let rows: [Row<'_>; 7] = [
            ("taken away", with(&[old4, other, old6]), false, &[], with(&[other, old6])),
            ("of the other family", with(&[old4, other, old6]), true, &[], with(&[old4, other])),
            ("the only ones", with(&[old4]), false, &[], format!("{head},{tail}")),
            ("exchanged", with(&[old4, other]), false, &two, with(&[other, new4])),
            ("another table's stays", with(&[table, old6]), false, &[], with(&[table, old6])),
            ("none before", format!("{head},\"routes\":null,{tail}"), false, &two, with(&[new4])),
            ("of no address", with(&[other]), true, &six, with(&[other, r#"{"dst":"::/0","gw":"fe80::1"}"#])),
        ];
        for (what, text, v6, routes, expected) in rows {
            assert_eq!(changed(&text, Version::V1_1_0, v6, routes), expected, "{what}");
        }
    }

    #[test]
    fn results_before_0_3_0_keep_routes_with_their_address() {
        let text = r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24","gateway":"10.0.0.1","routes":[{"dst":"0.0.0.0/0"},{"dst":"10.5.0.0/16"}]},"dns":{}}"#;
        let without = r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24","gateway":"10.0.0.1","routes":[{"dst":"10.5.0.0/16"}]},"dns":{}}"#;
        let with = r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24","gateway":"10.0.0.1","routes":[{"dst":"10.5.0.0/16"},{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]},"dns":{}}"#;
        let rows: [(bool, &[Route], &str); 3] = [
            (false, &[], without),
            (false, &[route("10.9.0.1", Some(7))], with),
            (true, &[route("fe80::1", None)], text),
        ];
        for (v6, routes, expected) in rows {
            assert_eq!(changed(text, Version::V0_2_0, v6, routes), expected);
        }
    }

    #[test]
    fn metrics_are_for_versions_that_know_them() {
        for (version, known) in [(Version::V0_3_1, false), (Version::V1_0_0, false), (Version::V1_1_0, true)]
        {
            let text = changed("{}", version, false, &[route("10.9.0.1", Some(7))]);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["routes"][0]["gw"], "10.9.0.1", "{version}");
            assert_eq!(!value["routes"][0]["priority"].is_null(), known, "{version}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_is_read_back(
            version in proptest::sample::select(SUPPORTED),
            v6: bool,
            hosts in proptest::collection::vec((any::<u8>(), any::<bool>()), 0..4),
            gateways in proptest::collection::vec(any::<u8>(), 0..3),
        ) {
            let address = |n: &u8, v6: bool| if v6 { format!("fd00::{n:x}") } else { format!("10.0.0.{n}") };
            let family = |v6: bool| json!({"ip": address(&1, v6) + "/24", "routes": [
                {"dst": if v6 { "::/0" } else { "0.0.0.0/0" }}, {"dst": address(&0, v6) + "/28"}]});
            let text = if version < Version::V0_3_0 {
                json!({"ip4": family(false), "ip6": family(true)})
            } else {
                let routes: Vec<Value> = hosts.iter().map(|(n, v6)| json!({"dst": if *v6 { "::/0" } else { "0.0.0.0/0" }, "gw": address(n, *v6)})).collect();
                json!({"routes": routes, "ips": []})
            };
            let document = ResultDocument::parse(text.to_string().as_bytes(), version).unwrap();
            let routes: Vec<Route> = gateways.iter().map(|n| route(&address(n, v6), None)).collect();
            let after = document.with_default_routes(v6, &routes).unwrap();
            let defaults = |document: &ResultDocument, v6: bool| {
                let routes = document.result().unwrap().routes;
                routes.into_iter().filter(|route| route.is_main_default() && route.is_v6() == v6).collect::<Vec<_>>()
            };
            prop_assert_eq!(defaults(&after, v6), routes);
            prop_assert_eq!(defaults(&after, !v6), defaults(&document, !v6));
            let again = after.with_default_routes(v6, &defaults(&after, v6)).unwrap();
            prop_assert_eq!(again.raw().get(), after.raw().get());
        }
    }
}
