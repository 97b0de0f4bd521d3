//! Effects in a record and in front of people.

use serde_json::{Value, json};

use super::*;

fn eth0() -> LinkRef {
    LinkRef { space: Space::Sandbox, index: 2, name: "eth0".into() }
}

fn eth0_json() -> Value {
    json!({"space": "sandbox", "index": 2, "name": "eth0"})
}

fn new(space: Space, index: u32, name: &str) -> NewLink {
    NewLink { space, index, name: name.into(), mac: MacAddr([10, 88, 10, 1, 2, 3]) }
}

fn plain(destination: &str) -> Route {
    Route {
        destination: destination.parse().unwrap(),
        gateway: None,
        source: None,
        metric: None,
        table: None,
        scope: None,
        mtu: None,
        advmss: None,
        onlink: false,
    }
}

fn mapping() -> PortMapping {
    PortMapping {
        from: HostPort { protocol: Transport::Udp, address: "192.0.2.1".parse().unwrap(), port: 53 },
        address: "10.1.2.3".parse().unwrap(),
        port: 5353,
        network: "10.1.2.0/24".parse().unwrap(),
        disguise: Disguise::Neighbours,
    }
}

fn full() -> Route {
    Route {
        gateway: "10.1.2.1".parse().ok(),
        source: "10.1.2.3".parse().ok(),
        metric: Some(5),
        table: Some(100),
        scope: Some(0),
        mtu: Some(1400),
        advmss: Some(1360),
        onlink: true,
        ..plain("0.0.0.0/0")
    }
}

fn set(property: Property, before: Option<Property>) -> Effect {
    Effect::Set { link: eth0(), property, before }
}

fn home(mac: &str) -> Home {
    Home {
        name: "ens1f0v3".into(),
        up: true,
        mtu: 1500,
        mac: mac.into(),
        bus_address: Some("0000:03:02.1".into()),
        alternative_names: vec!["enp3s2f1".into()],
        promiscuous: false,
        all_multicast: false,
        tx_queue_length: Some(1000),
    }
}

/// Each variant, its text, and its shape in records: old records are read by newer programs.
fn rows() -> Vec<(Effect, &'static str, Value)> {
    [new_links(), links_by_kind(), changed_links(), values(), packets()].concat()
}

fn new_links() -> Vec<(Effect, &'static str, Value)> {
    let mac = "0a:58:0a:01:02:03";
    vec![
        (
            Effect::Veth {
                inside: new(Space::Sandbox, 900, "eth0"),
                outside: new(Space::Host, 901, "vethab12"),
                mtu: None,
            },
            "veth eth0 in the pod with vethab12 on the node",
            json!({"veth": {
                "inside": {"space": "sandbox", "index": 900, "name": "eth0", "mac": mac},
                "outside": {"space": "host", "index": 901, "name": "vethab12", "mac": mac},
                "mtu": null,
            }}),
        ),
        (
            Effect::Bridge { link: new(Space::Host, 902, "cni0"), mtu: Some(1400), vlans: true },
            "bridge cni0 on the node",
            json!({"bridge": {
                "link": {"space": "host", "index": 902, "name": "cni0", "mac": mac}, "mtu": 1400, "vlans": true,
            }}),
        ),
        (
            Effect::Pair {
                end: new(Space::Host, 904, "cni0.100"),
                port: new(Space::Host, 905, "vethcd34"),
                mtu: Some(1400),
            },
            "pair cni0.100 on the node with vethcd34 on the node",
            json!({"pair": {
                "end": {"space": "host", "index": 904, "name": "cni0.100", "mac": mac},
                "port": {"space": "host", "index": 905, "name": "vethcd34", "mac": mac},
                "mtu": 1400,
            }}),
        ),
    ]
}

fn links_by_kind() -> Vec<(Effect, &'static str, Value)> {
    let mac = "0a:58:0a:01:02:03";
    let from = LinkRef { space: Space::Host, index: 7, name: "ens1f0v3".into() };
    vec![
        (
            Effect::Link {
                link: new(Space::Sandbox, 903, "eth0"),
                parent: Some(from.clone()),
                kind: LinkKind::Macvlan { mode: MacvlanMode::Private, queue: Some(500) },
                mtu: None,
            },
            "macvlan eth0 in the pod by ens1f0v3 on the node, mode private, queue 500",
            json!({"link": {
                "link": {"space": "sandbox", "index": 903, "name": "eth0", "mac": mac},
                "parent": {"space": "host", "index": 7, "name": "ens1f0v3"},
                "kind": {"macvlan": {"mode": "private", "queue": 500}}, "mtu": null,
            }}),
        ),
        (
            Effect::Link {
                link: new(Space::Sandbox, 903, "eth0"),
                parent: Some(from),
                kind: LinkKind::Ipvlan { mode: IpvlanMode::L3s },
                mtu: None,
            },
            "ipvlan eth0 in the pod by ens1f0v3 on the node, mode l3s",
            json!({"link": {
                "link": {"space": "sandbox", "index": 903, "name": "eth0", "mac": mac},
                "parent": {"space": "host", "index": 7, "name": "ens1f0v3"},
                "kind": {"ipvlan": {"mode": "l3s"}}, "mtu": null,
            }}),
        ),
        (
            Effect::Link {
                link: new(Space::Sandbox, 903, "eth0"),
                parent: Some(eth0()),
                kind: LinkKind::Vlan { id: 100 },
                mtu: Some(1400),
            },
            "vlan eth0 in the pod by eth0 in the pod, id 100",
            json!({"link": {
                "link": {"space": "sandbox", "index": 903, "name": "eth0", "mac": mac}, "parent": eth0_json(),
                "kind": {"vlan": {"id": 100}}, "mtu": 1400,
            }}),
        ),
        (
            Effect::Link {
                link: new(Space::Sandbox, 903, "eth0"),
                parent: None,
                kind: LinkKind::Dummy,
                mtu: None,
            },
            "dummy eth0 in the pod",
            json!({"link": {
                "link": {"space": "sandbox", "index": 903, "name": "eth0", "mac": mac}, "parent": null,
                "kind": "dummy", "mtu": null,
            }}),
        ),
        (
            Effect::Link {
                link: new(Space::Sandbox, 904, "blue"),
                parent: None,
                kind: LinkKind::Vrf { table: 10 },
                mtu: None,
            },
            "vrf blue in the pod, table 10",
            json!({"link": {
                "link": {"space": "sandbox", "index": 904, "name": "blue", "mac": mac}, "parent": null,
                "kind": {"vrf": {"table": 10}}, "mtu": null,
            }}),
        ),
    ]
}

fn changed_links() -> Vec<(Effect, &'static str, Value)> {
    let mac = "0a:58:0a:01:02:03";
    let from = LinkRef { space: Space::Host, index: 7, name: "ens1f0v3".into() };
    vec![
        (
            Effect::Vlans {
                link: eth0(),
                vlans: vec![PortVlans::untagged(100), PortVlans::tagged(200, 299)],
            },
            "VLANs 100 pvid untagged, 200-299 by eth0 in the pod",
            json!({"vlans": {"link": eth0_json(), "vlans": [
                {"first": 100, "last": 100, "native": true, "untagged": true},
                {"first": 200, "last": 299, "native": false, "untagged": false},
            ]}}),
        ),
        (
            Effect::NoVlans { link: eth0(), vlans: vec![PortVlans::tagged(1, 1)] },
            "VLANs 1 no more by eth0 in the pod",
            json!({"no-vlans": {"link": eth0_json(), "vlans": [
                {"first": 1, "last": 1, "native": false, "untagged": false},
            ]}}),
        ),
        (
            Effect::Move { link: from, to: Space::Sandbox, name: "net1".into(), home: home(mac) },
            "ens1f0v3 on the node moved to be net1 in the pod",
            json!({"move": {
                "link": {"space": "host", "index": 7, "name": "ens1f0v3"}, "to": "sandbox", "name": "net1",
                "home": {"name": "ens1f0v3", "up": true, "mtu": 1500, "mac": mac, "bus-address": "0000:03:02.1",
                         "alternative-names": ["enp3s2f1"], "promiscuous": false, "all-multicast": false,
                         "tx-queue-length": 1000},
            }}),
        ),
    ]
}

fn values() -> Vec<(Effect, &'static str, Value)> {
    let mac = "0a:58:0a:01:02:03";
    let address: IpNet = "10.1.2.3/24".parse().unwrap();
    let ip = address.addr();
    vec![
        (
            Effect::Address { link: eth0(), address, lasting: false },
            "address 10.1.2.3/24 on eth0 in the pod",
            json!({"address": {"link": eth0_json(), "address": "10.1.2.3/24", "lasting": false}}),
        ),
        (
            Effect::NoAddress { link: eth0(), address },
            "address 10.1.2.3/24 taken off eth0 in the pod",
            json!({"no-address": {"link": eth0_json(), "address": "10.1.2.3/24"}}),
        ),
        (
            Effect::Route { link: eth0(), route: full(), lasting: true },
            "route default via 10.1.2.1 src 10.1.2.3 metric 5 table 100 scope 0 mtu 1400 advmss 1360 onlink by eth0 \
             in the pod",
            json!({"route": {"link": eth0_json(), "lasting": true, "route": {
                "destination": "0.0.0.0/0", "gateway": "10.1.2.1", "source": "10.1.2.3", "metric": 5, "table": 100,
                "scope": 0, "mtu": 1400, "advmss": 1360, "onlink": true,
            }}}),
        ),
        (
            Effect::NoRoute { link: eth0(), route: plain("fd00::/64"), lasting: true },
            "route fd00::/64 taken off eth0 in the pod",
            json!({"no-route": {"link": eth0_json(), "lasting": true, "route": {
                "destination": "fd00::/64", "gateway": null, "source": null, "metric": null, "table": null,
                "scope": null, "mtu": null, "advmss": null, "onlink": false,
            }}}),
        ),
        (
            Effect::Neighbour { link: eth0(), address: ip, mac: mac.parse().unwrap() },
            "neighbour 10.1.2.3 at 0a:58:0a:01:02:03 on eth0 in the pod",
            json!({"neighbour": {"link": eth0_json(), "address": "10.1.2.3", "mac": mac}}),
        ),
        (
            Effect::Sysctl {
                space: Space::Host,
                key: "net/ipv4/ip_forward".into(),
                value: "1".into(),
                before: "0".into(),
            },
            "net/ipv4/ip_forward = 1 on the node, before 0",
            json!({"sysctl": {"space": "host", "key": "net/ipv4/ip_forward", "value": "1", "before": "0"}}),
        ),
    ]
}

fn packets() -> Vec<(Effect, &'static str, Value)> {
    let mac = "0a:58:0a:01:02:03";
    let address: IpNet = "10.1.2.3/24".parse().unwrap();
    let ip = address.addr();
    vec![
        (
            Effect::Masquerade { id: "a1".into(), address: ip, network: address.trunc() },
            "10.1.2.3 leaves 10.1.2.0/24 with the node's address",
            json!({"masquerade": {"id": "a1", "address": "10.1.2.3", "network": "10.1.2.0/24"}}),
        ),
        (
            Effect::PortMapping { id: "a1".into(), mapping: mapping() },
            "udp port 192.0.2.1:53 of the node leading to 10.1.2.3:5353",
            json!({"port-mapping": {"id": "a1", "mapping": {
                "from": {"protocol": "udp", "address": "192.0.2.1", "port": 53},
                "address": "10.1.2.3", "port": 5353, "network": "10.1.2.0/24", "disguise": "neighbours",
            }}}),
        ),
        (
            Effect::SpoofCheck { id: "a1".into(), port: eth0(), mac: mac.parse().unwrap() },
            "nothing but 0a:58:0a:01:02:03 comes in by eth0 in the pod",
            json!({"spoof-check": {"id": "a1", "port": eth0_json(), "mac": mac}}),
        ),
        (
            Effect::Limit {
                link: eth0(),
                limit: Limit { rate: 1_000_000, burst: 20_000, queue: 45_000 },
                apart: Some(Apart {
                    by: PacketEnd::Destination,
                    subnets: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
                    limited: false,
                }),
            },
            "rate 1000000 burst 20000 limit 45000 by eth0 in the pod of all but what goes to 10.0.0.0/8, fd00::/8",
            json!({"limit": {
                "link": eth0_json(), "limit": {"rate": 1_000_000, "burst": 20_000, "queue": 45_000},
                "apart": {"by": "destination", "subnets": ["10.0.0.0/8", "fd00::/8"], "limited": false},
            }}),
        ),
        (
            Effect::Limit {
                link: eth0(),
                limit: Limit { rate: 1_000_000, burst: 20_000, queue: 45_000 },
                apart: None,
            },
            "rate 1000000 burst 20000 limit 45000 by eth0 in the pod",
            json!({"limit": {"link": eth0_json(), "limit": {"rate": 1_000_000, "burst": 20_000, "queue": 45_000}}}),
        ),
        (
            Effect::Redirect { link: eth0(), to: eth0() },
            "what comes in by eth0 in the pod by way of eth0 in the pod",
            json!({"redirect": {"link": eth0_json(), "to": eth0_json()}}),
        ),
        (
            Effect::PolicyRule { rule: PolicyRule { source: address.trunc(), table: 100, priority: 7 } },
            "rule 7: from 10.1.2.0/24 lookup 100 in the pod",
            json!({"policy-rule": {"rule": {"source": "10.1.2.0/24", "table": 100, "priority": 7}}}),
        ),
        (
            Effect::Link {
                link: new(Space::Host, 905, "ifb0"),
                parent: None,
                kind: LinkKind::Ifb,
                mtu: None,
            },
            "ifb ifb0 on the node",
            json!({"link": {
                "link": {"space": "host", "index": 905, "name": "ifb0", "mac": mac}, "parent": null,
                "kind": "ifb", "mtu": null,
            }}),
        ),
        (
            Effect::Announce { link: eth0(), addresses: vec![ip, "fd00::3".parse().unwrap()] },
            "10.1.2.3, fd00::3 announced on eth0 in the pod",
            json!({"announce": {"link": eth0_json(), "addresses": ["10.1.2.3", "fd00::3"]}}),
        ),
    ]
}

fn properties() -> Vec<(Property, &'static str, Value)> {
    vec![
        (Property::Up(true), "up", json!({"up": true})),
        (Property::Up(false), "down", json!({"up": false})),
        (Property::Mtu(1400), "MTU 1400", json!({"mtu": 1400})),
        (
            Property::Mac(MacAddr([10, 88, 10, 1, 2, 3])),
            "MAC 0a:58:0a:01:02:03",
            json!({"mac": "0a:58:0a:01:02:03"}),
        ),
        (Property::Master(Some(4)), "port of link 4", json!({"master": 4})),
        (Property::Master(None), "port of nothing", json!({"master": null})),
        (Property::Promiscuous(true), "promiscuous on", json!({"promiscuous": true})),
        (Property::AllMulticast(true), "all-multicast on", json!({"all-multicast": true})),
        (Property::TxQueueLength(500), "queue of 500 packets", json!({"tx-queue-length": 500})),
        (Property::Hairpin(false), "hairpin off", json!({"hairpin": false})),
        (Property::Isolated(true), "isolation on", json!({"isolated": true})),
        (Property::Name("net1".into()), "name net1", json!({"name": "net1"})),
        (Property::AlternativeName("red".into()), "alternative name red", json!({"alternative-name": "red"})),
    ]
}

#[test]
fn an_effect_is_read_as_it_was_written_and_can_be_told() {
    for (effect, text, shape) in rows() {
        assert_eq!(effect.to_string(), text);
        assert_eq!(serde_json::to_value(&effect).unwrap(), shape, "{text}");
        assert_eq!(serde_json::from_value::<Effect>(shape).unwrap(), effect, "{text}");
    }
    for (property, text, shape) in properties() {
        let effect = set(property.clone(), Some(Property::Mtu(9000)));
        assert_eq!(effect.to_string(), format!("{text} of eth0 in the pod, before MTU 9000"));
        assert_eq!(set(property, None).to_string(), format!("{text} of eth0 in the pod"));
        let shape = json!({"set": {"link": eth0_json(), "property": shape, "before": {"mtu": 9000}}});
        assert_eq!(serde_json::to_value(&effect).unwrap(), shape, "{text}");
        assert_eq!(serde_json::from_value::<Effect>(shape).unwrap(), effect, "{text}");
    }
}

#[test]
fn what_may_be_missing_is_read_without_it() {
    let short = json!({"route": {"link": eth0_json(), "route": {"destination": "fd00::/64"}}});
    let expected = Effect::Route { link: eth0(), route: plain("fd00::/64"), lasting: false };
    assert_eq!(serde_json::from_value::<Effect>(short).unwrap(), expected);
    let short = json!({"address": {"link": eth0_json(), "address": "fd00::3/64"}});
    let expected = Effect::Address { link: eth0(), address: "fd00::3/64".parse().unwrap(), lasting: false };
    assert_eq!(serde_json::from_value::<Effect>(short).unwrap(), expected);
    let short = json!({"no-route": {"link": eth0_json(), "route": {"destination": "fd00::/64"}}});
    let expected = Effect::NoRoute { link: eth0(), route: plain("fd00::/64"), lasting: false };
    assert_eq!(serde_json::from_value::<Effect>(short).unwrap(), expected);
    let short = json!({"bridge": {
        "link": {"space": "host", "index": 902, "name": "cni0", "mac": "0a:58:0a:01:02:03"}, "mtu": null,
    }});
    let expected = Effect::Bridge { link: new(Space::Host, 902, "cni0"), mtu: None, vlans: false };
    assert_eq!(serde_json::from_value::<Effect>(short).unwrap(), expected);
    let unknown = json!({"macvlan": {"link": eth0_json()}});
    assert!(serde_json::from_value::<Effect>(unknown).is_err(), "what can't be understood is not ignored");
}
