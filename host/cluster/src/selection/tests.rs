use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pointers(annotation: &str) -> Vec<String> {
    match parse_selections(annotation, "shop") {
        Ok(selections) => panic!("{annotation} was accepted: {selections:?}"),
        Err(problems) => problems.into_iter().map(|problem| problem.pointer).collect(),
    }
}

fn names(annotation: &str) -> Vec<String> {
    let selections = parse_selections(annotation, "shop").unwrap();
    selections.iter().map(|selection| selection.network.to_string()).collect()
}

#[test]
fn the_comma_form_names_networks_np_10() {
    assert_eq!(names("a"), ["shop/a"]);
    assert_eq!(names(" a , other/b,c@eth5 "), ["shop/a", "other/b", "shop/c"]);
    assert_eq!(names("a,a"), ["shop/a", "shop/a"], "twice the same network is two attachments (NP-26)");
    assert_eq!(names("with.dots"), ["shop/with.dots"]);
    let selections = parse_selections("other/b @ eth5", "shop").unwrap();
    assert_eq!(selections[0].interface.as_deref(), Some("eth5"));
}

#[test]
fn blanks_and_empty_lists_select_nothing() {
    for annotation in ["", "  \n\t", "[]", " [ ] "] {
        assert_eq!(parse_selections(annotation, "shop").unwrap(), [], "{annotation:?}");
    }
}

#[test]
fn a_full_element_is_read_whole() {
    let annotation = r#"[{
        "name": "storage", "namespace": "infra", "interface": "data0",
        "ips": ["10.1.2.3/24", "fd00::3"], "mac": "0A-58-0a-01-02-03",
        "infiniband-guid": "c2:11:22:33:44:55:66:77",
        "cni-args": {"rate": 1.0, "deep": {"a": [1e2]}},
        "portMappings": [{"hostPort": 80, "containerPort": 8080},
                         {"hostPort": 53, "containerPort": 53, "protocol": "UdP", "hostIP": "10.0.0.1"}],
        "bandwidth": {"ingressRate": 1000, "ingressBurst": 2000, "egressRate": 5},
        "default-route": ["10.1.2.1", "10.1.2.2", "fd00::1"],
        "deviceID": "0000:03:00.1", "example.com/own": {"any": "thing"}
    }]"#;
    let selection = parse_selections(annotation, "shop").unwrap().remove(0);
    assert_eq!(selection.network.to_string(), "infra/storage");
    assert_eq!(selection.interface.as_deref(), Some("data0"));
    assert_eq!(selection.ips, ["10.1.2.3/24", "fd00::3"]);
    assert_eq!(selection.mac.as_deref(), Some("0a:58:0a:01:02:03"));
    assert_eq!(selection.infiniband_guid.as_deref(), Some("c2:11:22:33:44:55:66:77"));
    let args = selection.cni_args.unwrap().to_string();
    assert_eq!(args, r#"{"rate":1.0,"deep":{"a": [1e2]}}"#, "in the author's spelling");
    assert_eq!(
        serde_json::to_value(&selection.port_mappings).unwrap(),
        json!([{"hostPort": 80, "containerPort": 8080, "protocol": "tcp"},
               {"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "10.0.0.1"}])
    );
    assert_eq!(
        serde_json::to_value(selection.bandwidth).unwrap(),
        json!({"ingressRate": 1000, "ingressBurst": 2000, "egressRate": 5})
    );
    assert_eq!(selection.default_route.unwrap().len(), 3, "several gateways are allowed (NP-23)");
    assert_eq!(selection.device_id.as_deref(), Some("0000:03:00.1"));
}

#[test]
fn null_members_are_not_given() {
    let annotation = r#"[{"name": "a", "mac": null, "ips": null, "default-route": null, "namespace": null}]"#;
    let selection = parse_selections(annotation, "shop").unwrap().remove(0);
    assert_eq!(selection, Selection { network: selection.network.clone(), ..Selection::default() });
    assert_eq!(names(annotation), ["shop/a"]);
}

#[test]
fn an_empty_default_route_is_a_wish_np_22() {
    let selections = parse_selections(r#"[{"name": "a", "default-route": []}]"#, "shop").unwrap();
    assert_eq!(selections[0].default_route, Some(Vec::new()));
}

/// Each row: the specification's statement, an annotation that breaks it, where.
#[test]
fn invalid_annotations_are_refused_where_they_are_wrong() {
    let element = |members: &str| format!(r#"[{{"name": "a", {members}}}]"#);
    let rows: &[(&str, String, &[&str])] = &[
        ("NP-12", r#"[{}]"#.into(), &["/0/name"]),
        ("NP-12", r#"[{"name": ""}]"#.into(), &["/0/name"]),
        ("NP-12", r#"[{"name": 5}]"#.into(), &["/0/name"]),
        ("NP-12", r#"[{"name": "../x"}]"#.into(), &["/0/name"]),
        ("NP-13", element(r#""namespace": "A.b""#), &["/0/namespace"]),
        ("NP-14", element(r#""ips": []"#), &["/0/ips"]),
        ("NP-14", element(r#""ips": "10.1.2.3""#), &["/0/ips"]),
        (
            "NP-14",
            element(r#""ips": ["10.1.2.3", "x", 5, "10.1.2.3/33"]"#),
            &["/0/ips/1", "/0/ips/2", "/0/ips/3"],
        ),
        ("NP-17", element(r#""mac": "0a:58:0a:01:02""#), &["/0/mac"]),
        ("NP-17", element(r#""mac": "0a:58:0a:01:02:03:04:05""#), &["/0/mac"]),
        ("NP-17", element(r#""mac": "01:00:5e:01:02:03""#), &["/0/mac"]),
        ("NP-17", element(r#""mac": "00:00:00:00:00:00""#), &["/0/mac"]),
        ("NP-18", element(r#""interface": "sixteen-bytes-ab""#), &["/0/interface"]),
        (
            "NP-18",
            element(r#""interface": "a/b", "interfaceRequest": "c""#),
            &["/0/interface", "/0/interfaceRequest"],
        ),
        (
            "NP-18",
            r#"[{"name": "a", "interface": "x"}, {"name": "b", "interface": "x"}]"#.into(),
            &["/1/interface"],
        ),
        ("NP-18", "a@x, b@x".into(), &["/1/interface"]),
        ("NP-19", element(r#""cni-args": [1]"#), &["/0/cni-args"]),
        ("NP-20", element(r#""portMappings": []"#), &["/0/portMappings"]),
        ("NP-20", element(r#""portMappings": {}"#), &["/0/portMappings"]),
        (
            "NP-20",
            element(r#""portMappings": [5, {}]"#),
            &["/0/portMappings/0", "/0/portMappings/1/hostPort", "/0/portMappings/1/containerPort"],
        ),
        (
            "NP-20",
            element(
                r#""portMappings": [{"hostPort": 0, "containerPort": 65536, "protocol": "icmp", "hostIP": "x"}]"#,
            ),
            &[
                "/0/portMappings/0/hostPort",
                "/0/portMappings/0/containerPort",
                "/0/portMappings/0/protocol",
                "/0/portMappings/0/hostIP",
            ],
        ),
        ("NP-21", element(r#""bandwidth": {}"#), &["/0/bandwidth"]),
        ("NP-21", element(r#""bandwidth": {"ingressRate": 0}"#), &["/0/bandwidth/ingressRate"]),
        ("NP-21", element(r#""bandwidth": {"egressBurst": 5}"#), &["/0/bandwidth/egressBurst"]),
        (
            "NP-21",
            element(r#""bandwidth": {"egressRate": "5M", "rate": 1}"#),
            &["/0/bandwidth/rate", "/0/bandwidth/egressRate"],
        ),
        (
            "NP-22",
            r#"[{"name": "a", "default-route": ["10.0.0.1"]}, {"name": "b", "default-route": ["fd00::1"]}]"#
                .into(),
            &["/1/default-route"],
        ),
        ("NP-22", element(r#""default-route": ["10.0.0.0/8"]"#), &["/0/default-route/0"]),
        ("NP-24", element(r#""infiniband-guid": "0a:58:0a:01:02:03""#), &["/0/infiniband-guid"]),
        (
            "NP-25",
            element(r#""ipam-claim-reference": "c", "ips": ["10.1.2.3"]"#),
            &["/0/ipam-claim-reference"],
        ),
        ("NP-25", element(r#""ipam-claim-reference": "C""#), &["/0/ipam-claim-reference"]),
        ("NP-11", element(r#""portmappings": [], "foo": 1"#), &["/0/portmappings", "/0/foo"]),
        ("device", element(r#""deviceID": "a b""#), &["/0/deviceID"]),
        ("short", "a,,b".into(), &["/1"]),
        ("short", "a,".into(), &["/1"]),
        ("short", "A, /b, c/, d/e/f".into(), &["/0/name", "/1/namespace", "/2/name", "/3/name"]),
        ("short", "a@, b@way-too-long-a-name".into(), &["/0/interface", "/1/interface"]),
        ("short", "a@x@y".into(), &["/0/interface"]),
        ("form", "[null, 5, \"a\"]".into(), &["/0", "/1", "/2"]),
        ("form", "{}".into(), &[""]),
        ("form", "\"a\"".into(), &[""]),
        ("form", "[".into(), &[""]),
        ("form", "[{\"name\": \"a\",}]".into(), &[""]),
    ];
    for (row, annotation, expected) in rows {
        assert_eq!(pointers(annotation), *expected, "{row}: {annotation}");
    }
}

#[test]
fn what_upstream_passes_over_comes_back_beside_the_selections() {
    let annotation = r#"[{
        "name": "a", "colour": "red", "ips": [], "portMappings": [], "bandwidth": {},
        "mac": "0a:58:0a:01:02:03"
    }, { "name": "b", "ips": ["10.1.2.3"], "ipam-claim-reference": "claim" }]"#;
    let (selections, passed_over) = parse_selections_as_upstream(annotation, "shop").unwrap();
    assert_eq!(selections[0].mac.as_deref(), Some("0a:58:0a:01:02:03"));
    assert_eq!((&selections[0].ips, selections[0].bandwidth), (&Vec::new(), None));
    assert_eq!(selections[1].ipam_claim_reference.as_deref(), Some("claim"));
    let places: Vec<_> = passed_over.iter().map(|problem| problem.pointer.as_str()).collect();
    let expected = ["/0/colour", "/0/ips", "/0/portMappings", "/0/bandwidth", "/1/ipam-claim-reference"];
    assert_eq!(places, expected);
    assert!(passed_over.iter().all(|problem| problem.warning));
    let strict = parse_selections(annotation, "shop").unwrap_err();
    assert!(strict.len() == expected.len() && strict.iter().all(|problem| !problem.warning));
    // What upstream refuses as well is refused.
    for annotation in [r#"[{"name": "a", "mac": "zz"}]"#, "a@b@c", "[null]", "{}"] {
        assert!(parse_selections_as_upstream(annotation, "shop").is_err(), "{annotation}");
    }
}

#[test]
fn refusals_say_what_to_write() {
    let rows = [
        (r#"{"name": "a"}"#, "[{…}]"),
        (r#"[{"name": "a", "portmappings": []}]"#, "did you mean `portMappings`?"),
        (r#"[{"name": "a", "foo": 1}]"#, "the keys are name, namespace"),
        ("[{'name': 'a'}]", "double quotes"),
        (r#"[{"name": "a"},]"#, "comma"),
    ];
    for (annotation, advice) in rows {
        let problems = parse_selections(annotation, "shop").unwrap_err();
        assert!(problems[0].to_string().contains(advice), "{annotation}: {}", problems[0]);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let keys = prop_oneof![
        Just("name"),
        Just("namespace"),
        Just("interface"),
        Just("ips"),
        Just("mac"),
        Just("infiniband-guid"),
        Just("cni-args"),
        Just("portMappings"),
        Just("hostPort"),
        Just("bandwidth"),
        Just("ingressRate"),
        Just("default-route"),
        Just("deviceID"),
        Just("ipam-claim-reference"),
        Just("a.b"),
    ];
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        "[-a-z0-9:./@ ]{0,12}".prop_map(|text| json!(text)),
        Just(json!("10.1.2.3/24")),
        Just(json!("0a:58:0a:01:02:03")),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            proptest::collection::vec((keys.clone(), inner), 0..6)
                .prop_map(|members| json!(members.into_iter().collect::<BTreeMap<_, _>>())),
        ]
    })
}

/// Whatever is accepted keeps what the specification promises to those who use it.
fn assert_sound(selections: &[Selection]) {
    for selection in selections {
        assert!(crate::name::is_subdomain(&selection.network.name));
        assert!(selection.interface.iter().all(|name| crate::name::interface_flaw(name).is_none()));
        assert!(selection.mac.iter().all(|mac| mac.len() == 17));
        assert!(selection.port_mappings.iter().all(|port| port.host_port > 0 && port.container_port > 0));
        assert!(selection.ips.is_empty() || selection.ipam_claim_reference.is_none());
    }
    assert!(selections.iter().filter(|selection| selection.default_route.is_some()).count() <= 1);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[-a-zA-Z0-9/@,.{}\\[\\]\":\\\\ \u{e9}\n]{0,60}") {
        match parse_selections(&text, "shop") {
            Ok(selections) => assert_sound(&selections),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }

    #[test]
    fn any_json_is_read_or_refused_with_places(elements in proptest::collection::vec(any_json(), 0..4)) {
        let text = json!(elements).to_string();
        match parse_selections(&text, "shop") {
            Ok(selections) => {
                prop_assert_eq!(selections.len(), elements.len());
                assert_sound(&selections);
            }
            Err(problems) => for problem in problems {
                let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(json!(elements).pointer(parent).is_some(), "{problem}");
            },
        }
    }

    #[test]
    fn the_two_forms_agree(items in proptest::collection::vec(
        (proptest::option::of("[a-z0-9]{1,8}"), "[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?"), 1..5)
    ) {
        let short = items.iter().enumerate().map(|(index, (namespace, name))| match namespace {
            Some(namespace) => format!("{namespace}/{name}@n{index}"),
            None => format!("{name}@n{index}"),
        });
        let list = items.iter().enumerate().map(|(index, (namespace, name))| {
            json!({"name": name, "namespace": namespace, "interface": format!("n{index}")})
        });
        let short = parse_selections(&short.collect::<Vec<_>>().join(" , "), "shop").unwrap();
        let list = parse_selections(&json!(list.collect::<Vec<_>>()).to_string(), "shop").unwrap();
        prop_assert_eq!(short, list);
    }
}
