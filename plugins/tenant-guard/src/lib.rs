//! A policy: a namespace may use only the networks and delegate types that the operator listed for it.
//!
//! ```json
//! { "tenants": { "blue": { "networks": ["blue/*", "shared/lan"], "types": ["bridge", "host-local"] } },
//!   "default": { "networks": ["shared/lan"], "types": ["bridge", "host-local"] },
//!   "judgeDefaultNetwork": true }
//! ```
//!
//! `*` in a name stands for any characters. A namespace that is not listed, or an attachment without a pod, is
//! judged by `default`; without one it gets nothing. The default network is judged like any other, because a
//! pod can choose it by an annotation, unless `judgeDefaultNetwork` is false.

mod configuration;
mod rules;

use multus_guest::{Attachment, Verdict, log};

use configuration::Configuration;
use rules::Settings;

multus_guest::policy!(review);
multus_guest::describe!(
    Settings,
    schema = include_str!("../settings.schema.json"),
    validate = Settings::complaints,
);

fn review(attachment: &Attachment, plugins: &[Configuration], settings: &Settings) -> Verdict {
    if attachment.default_network && !settings.judge_default_network {
        log::debug("the default network is not judged");
        return Verdict::Allow;
    }
    let namespace = attachment.pod.as_ref().map(|pod| pod.namespace.as_str());
    let who = match namespace {
        Some(namespace) => format!("namespace {namespace}"),
        None => "an attachment without a pod".to_owned(),
    };
    let Some(rule) = settings.rule(namespace) else {
        return Verdict::Deny(format!(
            "{who} may not use any network: it is not listed, and there is no default"
        ));
    };
    let refusals = rule.refusals(&attachment.network, plugins);
    match refusals.is_empty() {
        true => Verdict::Allow,
        false => Verdict::Deny(format!("{who} may not use {}", refusals.join(", nor "))),
    }
}

#[cfg(test)]
multus_guest::fixtures!(policy = review);

#[cfg(test)]
mod tests {
    use super::*;
    use multus_guest::{Pod, glue};

    const SETTINGS: &str = r#"{
        "tenants": { "blue": { "networks": ["blue/*", "shared/lan"], "types": ["bridge", "tuning", "host-local"] },
                     "sealed": { "networks": [], "types": [] } },
        "default": { "networks": ["shared/lan"], "types": ["bridge"] } }"#;

    fn attachment(namespace: Option<&str>, network: &str) -> Attachment {
        let pod = |namespace: &str| Pod {
            namespace: namespace.into(),
            name: "web".into(),
            uid: "u1".into(),
            service_account: "default".into(),
            labels: vec![],
            annotations: vec![],
            namespace_labels: vec![],
        };
        Attachment {
            container_id: "c1".into(),
            interface_name: "net1".into(),
            network: network.into(),
            index: 1,
            default_network: false,
            pod: namespace.map(pod),
            context: "{}".into(),
        }
    }

    fn verdict(attachment: &Attachment, plugins: &[&str], settings: &str) -> String {
        let plugins: Vec<String> = plugins.iter().map(|text| (*text).to_owned()).collect();
        match glue::review(review, attachment, &plugins, settings) {
            Verdict::Allow => "allow".to_owned(),
            Verdict::Warn(reason) => format!("warn: {reason}"),
            Verdict::Deny(reason) => reason,
        }
    }

    #[test]
    fn the_schema_is_that_of_the_settings() {
        let schema = schemars::schema_for!(Settings);
        multus_guest::testing::same_schema(env!("CARGO_MANIFEST_DIR"), "settings.schema.json", schema);
    }

    #[test]
    fn tenants_get_what_is_listed_for_them_and_read_what_is_not() {
        let bridge = r#"{"type":"bridge","ipam":{"type":"host-local"}}"#;
        let rows: [(Option<&str>, &str, &[&str], &str); 8] = [
            (Some("blue"), "blue/storage", &[bridge, r#"{"type":"tuning"}"#], "allow"),
            (
                Some("blue"),
                "red/storage",
                &[bridge],
                "namespace blue may not use network red/storage (allowed: blue/*, shared/lan)",
            ),
            (
                Some("blue"),
                "blue/storage",
                &[bridge, r#"{"type":"macvlan"}"#],
                "namespace blue may not use plugins[1].type macvlan (allowed: bridge, tuning, host-local)",
            ),
            (
                Some("blue"),
                "red/x",
                &[r#"{"type":"bridge","ipam":{"type":"dhcp"}}"#],
                "namespace blue may not use network red/x (allowed: blue/*, shared/lan), \
                 nor ipam.type dhcp (allowed: bridge, tuning, host-local)",
            ),
            (
                Some("blue"),
                "blue/x",
                &[r#"{"type":"bridge","delegate":{"type":"host-device"}}"#],
                "namespace blue may not use delegate.type host-device (allowed: bridge, tuning, host-local)",
            ),
            (Some("green"), "shared/lan", &[r#"{"type":"bridge"}"#], "allow"),
            (
                None,
                "shared/lan",
                &[bridge],
                "an attachment without a pod may not use ipam.type host-local (allowed: bridge)",
            ),
            (
                Some("sealed"),
                "shared/lan",
                &[],
                "namespace sealed may not use network shared/lan (allowed: none)",
            ),
        ];
        for (namespace, network, plugins, expected) in rows {
            assert_eq!(verdict(&attachment(namespace, network), plugins, SETTINGS), expected);
        }
    }

    #[test]
    fn without_a_default_the_unlisted_get_nothing() {
        let verdict = verdict(&attachment(Some("green"), "shared/lan"), &[], r#"{"tenants":{}}"#);
        assert_eq!(
            verdict,
            "namespace green may not use any network: it is not listed, and there is no default"
        );
    }

    #[test]
    fn the_default_network_is_judged_unless_the_operator_says_otherwise() {
        let default_network = Attachment { default_network: true, ..attachment(Some("green"), "cbr0") };
        let settings = |judge| format!(r#"{{"tenants":{{}},"judgeDefaultNetwork":{judge}}}"#);
        assert_ne!(verdict(&default_network, &[], &settings(true)), "allow");
        assert_eq!(verdict(&default_network, &[], &settings(false)), "allow");
        assert_ne!(verdict(&default_network, &[], r#"{"tenants":{}}"#), "allow");
        assert_ne!(verdict(&attachment(Some("green"), "cbr0"), &[], &settings(false)), "allow");
    }

    #[test]
    fn settings_with_a_slip_refuse_everything() {
        let slips = [
            "{}",
            r#"{"tenant":{}}"#,
            r#"{"tenants":{"blue":{"networks":["*"]}}}"#,
            r#"{"tenants":{},"judgedefaultnetwork":false}"#,
        ];
        for settings in slips {
            let verdict = verdict(&attachment(Some("blue"), "blue/x"), &[], settings);
            assert!(
                verdict.starts_with("the settings in the catalog cannot be used"),
                "{settings}: {verdict}"
            );
        }
    }
}
