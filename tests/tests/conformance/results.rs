//! CNI-15: results.

use serde_json::{Value, json};

use crate::row::Row;

/// Every field of 1.1.0, and one that nobody knows.
fn full() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            { "name": "br0", "mac": "02:00:00:00:00:01", "mtu": 1400 },
            { "name": "vf0", "mac": "02:00:00:00:00:02", "pciID": "0000:01:00.1", "socketPath": "/run/vhost.sock" },
        ],
        "ips": [{ "address": "192.0.2.5/24", "gateway": "192.0.2.1", "interface": 1 }, { "address": "2001:db8::5/64" }],
        "routes": [
            { "dst": "0.0.0.0/0", "gw": "192.0.2.1", "mtu": 1300, "advmss": 1200, "priority": 5, "table": 100, "scope": 0 },
            { "dst": "2001:db8:1::/48" },
        ],
        "dns": { "nameservers": ["192.0.2.53"], "domain": "example.org", "search": ["example.org"], "options": ["ndots:1"] },
        "strange": { "number": 1.50 },
    })
}

pub(crate) fn fields(row: &mut Row<'_>) {
    row.of_multus("all of them reach the runtime, in the same version as they were", |case| {
        let conf = case.recording(&[("a", json!({ "result": full() }))]);
        assert_eq!(case.node.add(&case.pod(), &conf).result(), full());
    });
    row.of_multus("all of them reach DEL", |case| {
        let conf = case.recording(&[("a", json!({ "result": full() }))]);
        let pod = case.pod();
        case.node.add(&pod, &conf).succeeded();
        case.node.del(&pod, &conf).succeeded();
        assert_eq!(case.node.recorded()[1].conf()["prevResult"], full());
    });
    row.of_links("interfaces, addresses and what belongs to which", |case| {
        let pod = case.pod();
        let result = case.node.add(&pod, &case.conf_in("1.0.0")).result();
        let index = result["ips"][0]["interface"].as_u64().expect("an index");
        let interface = &result["interfaces"][usize::try_from(index).expect("small")];
        assert_eq!(interface["name"], "eth0", "{result}");
        assert_eq!(interface["sandbox"], pod.netns.to_str().expect("a path"), "{result}");
        let (dump, mac) = (case.node.dump(), interface["mac"].as_str().expect("a MAC"));
        assert!(dump.has(&[&format!("netns {}: link eth0", pod.container_id), mac]), "{result}\n{dump}");
        let address = result["ips"][0]["address"].as_str().expect("an address");
        assert!(
            dump.has(&[&format!("netns {}: address {address} dev eth0", pod.container_id)]),
            "{result}\n{dump}"
        );
    });
}
