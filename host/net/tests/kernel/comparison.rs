//! CHECK: is it still as it was done?

use multus_net::{Backend, Effect, Property, Space};

use crate::private::{inside, ip};
use crate::stage::{connected, done, eth0, mac, new_link, open, set, veth, vethpod};

fn route(text: &str) -> Effect {
    Effect::Route { link: eth0(), route: serde_json::from_str(text).unwrap(), lasting: false }
}

#[test]
fn what_differs_is_told_in_words() {
    if !inside("comparison::what_differs_is_told_in_words") {
        return;
    }
    connected();
    let effects = [
        done(Effect::Bridge { link: new_link(Space::Host, 950, "cni0", 9), mtu: None, vlans: false }),
        done(Effect::Address { link: eth0(), address: "10.1.0.2/24".parse().unwrap(), lasting: false }),
        done(route(r#"{"destination": "10.9.0.0/16", "gateway": "10.1.0.1"}"#)),
        done(set(eth0(), Property::Mtu(1400), None)),
        done(set(vethpod(), Property::Master(Some(950)), None)),
        done(set(vethpod(), Property::Hairpin(true), None)),
    ];
    let words = |effect: &Effect| open().compare(effect).unwrap();
    for effect in effects.iter().chain([&veth()]) {
        assert_eq!(words(effect), None, "{effect}");
    }
    ip("-n pod link set eth0 address 0a:58:00:00:00:66");
    assert_eq!(words(&veth()), None, "a later plugin may change it");

    let rows: [(&str, &Effect, &str); 8] = [
        (
            "-n pod route del 10.9.0.0/16",
            &effects[2],
            "there is no route 10.9.0.0/16 via 10.1.0.1 by eth0 in the pod",
        ),
        (
            "-n pod addr del 10.1.0.2/24 dev eth0",
            &effects[1],
            "there is no address 10.1.0.2/24 on eth0 in the pod",
        ),
        (
            "-n pod link set eth0 mtu 1300",
            &effects[3],
            "eth0 in the pod has MTU 1300, and was given MTU 1400",
        ),
        (
            "link set vethpod type bridge_slave hairpin off",
            &effects[5],
            "vethpod on the node has hairpin off, and was given hairpin on",
        ),
        (
            "link set vethpod nomaster",
            &effects[4],
            "vethpod on the node has port of nothing, and was given port of link 950",
        ),
        ("link del cni0", &effects[0], "there is no bridge cni0 on the node"),
        ("link set vethpod name other", &veth(), "vethpod on the node is called other now"),
        ("-n pod link del eth0", &veth(), "there is no veth eth0 in the pod"),
    ];
    for (change, effect, expected) in rows {
        ip(change);
        assert_eq!(words(effect).as_deref(), Some(expected), "{change}");
    }
    assert!(words(&set(eth0(), Property::Mac(mac(1)), None)).unwrap().contains("eth0 in the pod is gone"));
    assert!(words(&effects[2]).is_some(), "a route by a link that is gone");
}
