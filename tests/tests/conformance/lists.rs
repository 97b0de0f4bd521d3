//! CNI-11 and CNI-13: lists of plugins.

use multus_tests::Recorded;
use serde_json::{Value, json};

use crate::row::{Case, Row, with};

/// What a list's plugins got at an ADD.
fn plugins_get(case: &Case<'_>, outer: &Value, list: &Value) -> Vec<Recorded> {
    case.node.forget_recorded();
    let conf = with(&case.node.conf(json!([list])), outer);
    case.node.add(&case.pod(), &conf).succeeded();
    case.node.recorded()
}

fn list(plugins: &[Value], further: &Value) -> Value {
    with(&json!({ "cniVersion": "1.1.0", "name": "list", "plugins": plugins }), further)
}

pub(crate) fn input(row: &mut Row<'_>) {
    row.of_multus("name and version are the list's", |case| {
        let mut plugin = case.delegate("a", &json!({}));
        for key in ["name", "cniVersion"] {
            plugin.as_object_mut().expect("an object").remove(key);
        }
        let got = plugins_get(case, &json!({}), &list(&[plugin], &json!({ "cniVersion": "1.0.0" })));
        assert_eq!(got[0].conf()["name"], "list");
        assert_eq!(got[0].conf()["cniVersion"], "1.0.0");
    });
    row.of_multus("unknown members pass unchanged", |case| {
        let strange = json!({ "strange": { "b": [1, 2.50, "ü", null], "a": 12_345_678_901_234_567_890_u64 }, "x.y/z": {} });
        let plugin = case.delegate("a", &strange);
        let got = plugins_get(case, &json!({}), &list(&[plugin], &json!({ "unknownOfList": 1 })));
        let conf = got[0].conf();
        assert_eq!((&conf["strange"], &conf["x.y/z"]), (&strange["strange"], &strange["x.y/z"]));
        assert_eq!(conf.get("unknownOfList"), None, "a list's keys are not its plugins'");
    });
    row.of_multus("runtimeConfig is what is declared and given", |case| {
        let capabilities =
            json!({ "capabilities": { "mac": true, "ips": true, "bandwidth": false, "aliases": true } });
        let plugins = [case.delegate("a", &capabilities), case.delegate("b", &json!({}))];
        let given =
            json!({ "mac": "02:00:00:00:00:07", "bandwidth": { "ingressRate": 1 }, "ips": ["192.0.2.9/24"] });
        let got = plugins_get(case, &json!({ "runtimeConfig": given }), &list(&plugins, &json!({})));
        let expected = json!({ "mac": given["mac"], "ips": given["ips"] });
        assert_eq!(got[0].conf()["runtimeConfig"], expected, "{}", got[0].stdin);
        assert_eq!(got[1].conf().get("runtimeConfig"), None, "{}", got[1].stdin);
    });
    row.of_multus("keys of GC and of multus itself are not passed on", |case| {
        let outer = json!({ "cni.dev/valid-attachments": [], "cni.dev/attachments": [] });
        let plugin = case.delegate("a", &json!({ "masterplugin": true }));
        case.node.forget_recorded();
        let conf = with(&case.node.conf(json!([plugin])), &outer);
        case.node.add(&case.pod(), &conf).succeeded();
        let got = case.node.recorded()[0].conf();
        for key in ["cni.dev/valid-attachments", "cni.dev/attachments", "masterplugin", "delegates", "cniDir"]
        {
            assert_eq!(got.get(key), None, "{key} in {got}");
        }
    });
}

pub(crate) fn keys(row: &mut Row<'_>) {
    row.of_multus("disableCheck, as a boolean or a word", |case| {
        for (disabled, called) in
            [(json!(true), 0), (json!("true"), 0), (json!(false), 1), (json!("false"), 1), (json!("True"), 0)]
        {
            let conf = case
                .node
                .conf(json!([list(&[case.delegate("a", &json!({}))], &json!({ "disableCheck": disabled }))]));
            let pod = case.pod();
            let answer = case.node.add(&pod, &conf);
            if disabled == "True" && !answer.is_success() {
                assert_eq!(answer.error().code, 7, "refusing other spellings is fine: {answer}");
                continue;
            }
            case.node.forget_recorded();
            case.node.check(&pod, &with(&conf, &json!({ "prevResult": answer.result() }))).succeeded();
            assert_eq!(case.node.recorded().len(), called, "disableCheck {disabled}");
        }
    });
    row.of_multus("disableGC, as a boolean or a word", |case| {
        for (disabled, called) in
            [(json!(true), 0), (json!("true"), 0), (json!(false), 1), (json!("false"), 1)]
        {
            let conf = case
                .node
                .conf(json!([list(&[case.delegate("a", &json!({}))], &json!({ "disableGC": disabled }))]));
            case.node.forget_recorded();
            let conf = with(&conf, &json!({ "cni.dev/valid-attachments": [] }));
            case.node.call("GC", &crate::subject::nobody(), &conf).succeeded();
            assert_eq!(case.node.recorded().len(), called, "disableGC {disabled}");
        }
    });
    row.of_multus("what is wrong is code 7", |case| {
        let plugin = case.delegate("a", &json!({}));
        for wrong in [
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [] }),
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [null] }),
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": {} }),
            json!({ "cniVersion": "1.1.0", "name": "l", "loadOnlyInlinedPlugins": true }),
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [{}] }),
            json!({ "cniVersion": "1.1.0", "name": "a/b", "plugins": [plugin] }),
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [plugin], "disableCheck": "maybe" }),
            json!({ "cniVersion": "1.1.0", "name": "l", "plugins": [plugin], "disableGC": 1 }),
            json!(null),
            json!([]),
        ] {
            let answer = case.node.add(&case.pod(), &case.node.conf(json!([wrong])));
            assert_eq!(answer.error().code, 7, "{wrong}: {answer}");
        }
        for delegates in [json!([]), json!(null), json!({}), json!("a")] {
            let answer = case.node.add(&case.pod(), &case.node.conf(delegates.clone()));
            assert_eq!(answer.error().code, 7, "{delegates}: {answer}");
        }
    });
    row.of_multus("loadOnlyInlinedPlugins with plugins is fine", |case| {
        for word in [json!(true), json!("true"), json!(false)] {
            let plugin = case.delegate("a", &json!({}));
            plugins_get(case, &json!({}), &list(&[plugin], &json!({ "loadOnlyInlinedPlugins": word })));
        }
    });
}
