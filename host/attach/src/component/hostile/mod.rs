//! Components that ask for anything, several at once: what belongs to somebody else stays as it is, whatever they say,
//! and all that they did goes when they do. Judged by the node's dump and the folders of claims, never by the record.

mod asks;
mod crowd;
mod judge;

use multus_wasm::node::Space;
use proptest::prelude::*;

use self::asks::{Ask, ask};
use self::crowd::{Crowd, MEMBERS};

/// How many crowds there are; `MULTUS_EFFORT` as for the whole-system tests.
fn config() -> ProptestConfig {
    let cases = match std::env::var("MULTUS_EFFORT").as_deref() {
        Ok("quick") => 100,
        Ok("long") => 50_000,
        _ => 1000,
    };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_of_others_is_touched(asks in prop::collection::vec((0..MEMBERS, ask()), 1..60), first_to_go in any::<bool>()) {
        let mut crowd = Crowd::gather();
        for (member, ask) in &asks {
            crowd.asks(*member, ask)?;
        }
        crowd.leaves(first_to_go)?;
    }
}

/// The judge has to be able to refuse, and members to get something: what is theirs.
#[test]
fn members_get_what_is_theirs_and_the_judge_sees_the_rest() {
    let mut crowd = Crowd::gather();
    let veth = Ask::Veth("eth0", "{}");
    for member in [0, 2] {
        crowd.asks(member, &veth).unwrap();
    }
    crowd.asks(1, &Ask::Veth("net1", "{}")).unwrap();
    assert_eq!(crowd.done(), 3, "each made its link");
    crowd.asks(0, &veth).unwrap();
    assert_eq!(crowd.done(), 3, "a name is given once");
    crowd.vandalise();
    assert!(crowd.asks(2, &Ask::Up(0, true)).is_err(), "somebody touched the bystander's link meanwhile");
}

/// Two pods have the node's end in a VLAN of one bridge: neither takes it from the other, and it stays when one goes.
#[test]
fn an_end_in_a_vlan_is_shared_as_its_bridge_is() {
    let mut crowd = Crowd::gather();
    for (member, done) in [(0, 1), (2, 1)] {
        crowd.asks(member, &Ask::Bridge("cni0", "{}")).unwrap();
        crowd.asks(member, &Ask::VlanEnd(0, 100)).unwrap();
        assert_eq!(crowd.done(), done, "made once");
    }
    for ask in [
        Ask::Move(1, Space::Sandbox, "eth0"),
        Ask::Master(1, None),
        Ask::Mac(1, "02:00:00:00:00:07"),
        Ask::Mtu(1, 1300),
        Ask::Up(1, false),
        Ask::Vlans(1, r#"{"native": 7, "only": true}"#),
        Ask::VlanEnd(1, 7),
    ] {
        crowd.asks(2, &ask).unwrap();
    }
    assert_eq!(crowd.done(), 1, "what others rely on stays as it is");
    crowd.leaves(true).unwrap();
}
