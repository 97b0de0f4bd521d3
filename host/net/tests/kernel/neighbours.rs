//! Permanent neighbours.

use multus_net::{Backend, Effect};
use nix::libc;

use crate::private::{inside, ip};
use crate::stage::{apply, assert_unchanged, connected, eth0, everything, mac, open, refusal, shown, undo};

#[test]
fn a_neighbour_is_made_and_goes_with_its_link() {
    if !inside("neighbours::a_neighbour_is_made_and_goes_with_its_link") {
        return;
    }
    connected();
    for (number, address) in [(1, "10.0.1.1"), (2, "fd00::1")] {
        let neighbour =
            |last| Effect::Neighbour { link: eth0(), address: address.parse().unwrap(), mac: mac(last) };
        assert_eq!(apply(&neighbour(number)).unwrap(), 1);
        let line = format!("{address} dev eth0 lladdr {} PERMANENT", mac(number));
        assert!(shown("pod", "neigh").contains(&line), "{}", shown("pod", "neigh"));
        let known = open().neighbours(&eth0()).unwrap();
        assert_eq!(known.last().unwrap(), &(address.parse().unwrap(), mac(number)));
        assert_eq!(open().compare(&neighbour(number)).unwrap(), None);
        assert_eq!(
            open().compare(&neighbour(9)).unwrap().unwrap(),
            format!("there is no neighbour {address} at {} on eth0 in the pod", mac(9))
        );
        let (words, errno) = refusal(&neighbour(9));
        assert_eq!(errno, Some(libc::EEXIST), "{words}");
        let now = everything();
        assert_eq!(undo(&[&neighbour(number)]), 0);
        assert_unchanged(&now, &"");
    }
}

#[test]
fn what_traffic_has_told_gives_way() {
    if !inside("neighbours::what_traffic_has_told_gives_way") {
        return;
    }
    connected();
    ip("-n pod neigh add 10.0.1.1 lladdr 0a:58:00:00:00:77 dev eth0 nud reachable");
    assert_eq!(open().neighbours(&eth0()).unwrap(), []);
    let effect = Effect::Neighbour { link: eth0(), address: "10.0.1.1".parse().unwrap(), mac: mac(1) };
    apply(&effect).unwrap();
    assert_eq!(open().neighbours(&eth0()).unwrap(), [("10.0.1.1".parse().unwrap(), mac(1))]);
}
