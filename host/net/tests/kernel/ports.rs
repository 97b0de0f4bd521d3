//! Ports of the node that lead to a pod, proved by who comes.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use multus_net::{Backend, Disguise, Effect, HostPort, PortMapping, Transport};
use nix::libc;

use crate::firewall::routed;
use crate::private;
use crate::stage::{apply, done, inside, open, refusal, sender, udp, undo};

const PATIENCE: Duration = Duration::from_secs(1);

fn mapping(id: &str, protocol: Transport, from: &str, to: &str, disguise: Disguise) -> Effect {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let network = if to.is_ipv4() { "10.1.0.0/24" } else { "fd00:1::/64" };
    let mapping = PortMapping {
        from: HostPort { protocol, address: from.ip(), port: from.port() },
        address: to.ip(),
        port: to.port(),
        network: network.parse().unwrap(),
        disguise,
    };
    Effect::PortMapping { id: id.to_owned(), mapping }
}

fn tcp(id: &str, from: &str, to: &str) -> Effect {
    mapping(id, Transport::Tcp, from, to, Disguise::Neighbours)
}

fn listener(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    inside("pod", || TcpListener::bind(address)).unwrap()
}

/// Whom the pod takes a visitor for, who hears what it says; `None` if nobody comes.
fn visitor(from: &str, to: &str, at: &TcpListener) -> Option<String> {
    let to: SocketAddr = to.parse().unwrap();
    let mut visitor = inside(from, || TcpStream::connect_timeout(&to, PATIENCE)).ok()?;
    let (mut host, address) = at.accept().unwrap();
    host.write_all(b"welcome").unwrap();
    drop(host);
    let mut heard = String::new();
    visitor.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "welcome");
    Some(address.ip().to_string())
}

/// The node's loopback may speak to the pod.
fn with_loopback() {
    std::fs::write("/proc/sys/net/ipv4/conf/vethpod/route_localnet", "1").unwrap();
}

#[test]
fn who_comes_to_a_port_of_the_node_is_led_to_the_pod() {
    if !private::inside("ports::who_comes_to_a_port_of_the_node_is_led_to_the_pod") {
        return;
    }
    routed();
    with_loopback();
    let (v4, v6) = (listener("10.1.0.2:80"), listener("[fd00:1::2]:80"));
    let rows = [
        ("world", "192.168.0.1:8080", "192.168.0.2", &v4),
        ("world", "10.1.0.1:8080", "192.168.0.2", &v4),
        ("", "192.168.0.1:8080", "192.168.0.1", &v4),
        ("", "127.0.0.1:8080", "10.1.0.1", &v4),
        ("pod", "192.168.0.1:8080", "10.1.0.1", &v4),
        ("pod", "10.1.0.1:8080", "10.1.0.1", &v4),
        ("world", "[fd00:2::1]:8080", "fd00:2::2", &v6),
        ("", "[fd00:2::1]:8080", "fd00:2::1", &v6),
        ("pod", "[fd00:2::1]:8080", "fd00:1::1", &v6),
    ];
    let nobody = |when: &str| {
        for (from, to, _, at) in rows {
            assert_eq!(visitor(from, to, at), None, "{when}: from {from:?} to {to}");
        }
    };
    nobody("before");
    let effects =
        [tcp("pod eth0 1", "0.0.0.0:8080", "10.1.0.2:80"), tcp("pod eth0 2", "[::]:8080", "[fd00:1::2]:80")];
    for effect in &effects {
        apply(effect).unwrap();
        assert_eq!(open().compare(effect).unwrap(), None);
        assert_eq!(refusal(effect).1, Some(libc::EEXIST));
    }
    for (from, to, seen, at) in rows {
        assert_eq!(visitor(from, to, at).as_deref(), Some(seen), "from {from:?} to {to}");
    }
    // Packets through the node, to others' ports, stay on their way.
    assert_eq!(visitor("pod", "192.168.0.2:8080", &v4), None);
    assert_eq!(visitor("world", "10.1.0.2:80", &v4).as_deref(), Some("192.168.0.2"));

    undo(&effects.each_ref());
    nobody("after");
    let told = open().compare(&effects[0]).unwrap().unwrap();
    assert_eq!(told, "there is no tcp port 0.0.0.0:8080 of the node leading to 10.1.0.2:80");
    undo(&effects.each_ref());
}

#[test]
fn a_port_of_one_address_is_of_no_other() {
    if !private::inside("ports::a_port_of_one_address_is_of_no_other") {
        return;
    }
    routed();
    let (one, other) = (listener("10.1.0.2:80"), listener("10.1.0.3:80"));
    done(tcp("one", "192.168.0.1:8080", "10.1.0.2:80"));
    assert_eq!(visitor("world", "192.168.0.1:8080", &one).as_deref(), Some("192.168.0.2"));
    assert_eq!(visitor("pod", "192.168.0.1:8080", &one).as_deref(), Some("10.1.0.1"));
    assert_eq!(visitor("world", "10.1.0.1:8080", &one), None);
    // What is no address of the node leads nowhere.
    done(tcp("elsewhere", "192.168.0.2:8080", "10.1.0.3:80"));
    assert_eq!(visitor("pod", "192.168.0.2:8080", &other), None);
    done(tcp("other", "10.1.0.1:8080", "10.1.0.3:80"));
    assert_eq!(visitor("world", "10.1.0.1:8080", &other).as_deref(), Some("192.168.0.2"));
    assert_eq!(visitor("world", "192.168.0.1:8080", &one).as_deref(), Some("192.168.0.2"));
}

#[test]
fn whom_the_pod_sees_is_as_asked() {
    if !private::inside("ports::whom_the_pod_sees_is_as_asked") {
        return;
    }
    routed();
    with_loopback();
    let at = listener("10.1.0.2:80");
    for (disguise, world, own, loopback) in [
        (Disguise::Nobody, Some("192.168.0.2"), None, None),
        (Disguise::Neighbours, Some("192.168.0.2"), Some("10.1.0.1"), Some("10.1.0.1")),
        (Disguise::Everybody, Some("10.1.0.1"), Some("10.1.0.1"), Some("10.1.0.1")),
    ] {
        let effect = done(mapping("a", Transport::Tcp, "0.0.0.0:8080", "10.1.0.2:80", disguise));
        assert_eq!(visitor("world", "192.168.0.1:8080", &at).as_deref(), world, "{disguise:?}");
        assert_eq!(visitor("pod", "10.1.0.1:8080", &at).as_deref(), own, "{disguise:?}");
        assert_eq!(visitor("", "127.0.0.1:8080", &at).as_deref(), loopback, "{disguise:?}");
        // Nothing is done to who comes by another way.
        assert_eq!(visitor("world", "10.1.0.2:80", &at).as_deref(), Some("192.168.0.2"), "{disguise:?}");
        undo(&[&effect]);
    }
}

#[test]
fn nobody_gets_a_port_that_somebody_has() {
    if !private::inside("ports::nobody_gets_a_port_that_somebody_has") {
        return;
    }
    routed();
    let taken = |effect: &Effect, holder: &str| {
        let (text, errno) = refusal(effect);
        assert!(errno == Some(libc::EADDRINUSE) && text.contains(holder), "{text}");
    };
    let all = done(tcp("web eth0 1", "0.0.0.0:8080", "10.1.0.2:80"));
    taken(&tcp("db eth0 1", "0.0.0.0:8080", "10.1.0.3:80"), "tcp port 0.0.0.0:8080 is taken by web eth0 1");
    taken(&tcp("db eth0 1", "192.168.0.1:8080", "10.1.0.3:80"), "taken by web eth0 1");
    let v6 = done(tcp("db eth0 2", "[::]:8080", "[fd00:1::2]:80"));
    done(mapping("db eth0 3", Transport::Udp, "0.0.0.0:8080", "10.1.0.3:80", Disguise::Nobody));
    undo(&[&all]);
    let one = done(tcp("db eth0 1", "192.168.0.1:8080", "10.1.0.3:80"));
    taken(
        &tcp("web eth0 1", "0.0.0.0:8080", "10.1.0.2:80"),
        "tcp port 192.168.0.1:8080 is taken by db eth0 1",
    );
    taken(&tcp("web eth0 1", "192.168.0.1:8080", "10.1.0.2:80"), "taken by db eth0 1");
    done(tcp("web eth0 1", "10.1.0.1:8080", "10.1.0.2:80"));
    done(tcp("web eth0 2", "0.0.0.0:8081", "10.1.0.2:80"));
    done(tcp("web eth0 3", "[fd00:2::1]:8081", "[fd00:1::2]:80"));
    taken(&tcp("db eth0 5", "[::]:8081", "[fd00:1::2]:80"), "taken by web eth0 3");
    undo(&[&one, &v6]);
}

#[test]
fn of_many_who_want_a_port_at_once_one_gets_it() {
    if !private::inside("ports::of_many_who_want_a_port_at_once_one_gets_it") {
        return;
    }
    routed();
    for round in 0..10 {
        let winners: Vec<Effect> = thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || {
                        let from = if number % 2 == 0 { "0.0.0.0:8080" } else { "192.168.0.1:8080" };
                        let effect = tcp(&format!("{number} {round}"), from, "10.1.0.2:80");
                        let ours = done(tcp(
                            &format!("own {number}"),
                            &format!("0.0.0.0:{}", 9000 + number),
                            "10.1.0.2:80",
                        ));
                        let won = apply(&effect).map(|_| effect);
                        undo(&[&ours]);
                        won
                    })
                })
                .collect();
            all.into_iter()
                .filter_map(|one| match one.join().unwrap() {
                    Ok(effect) => Some(effect),
                    Err(refused) => {
                        assert_eq!(refused.errno, Some(libc::EADDRINUSE), "{refused}");
                        None
                    }
                })
                .collect()
        });
        assert_eq!(winners.len(), 1, "{winners:?}");
        undo(&[&winners[0]]);
    }
}

#[test]
fn flows_go_where_the_port_leads_now() {
    if !private::inside("ports::flows_go_where_the_port_leads_now") {
        return;
    }
    routed();
    let (one, other) = (udp("pod", "10.1.0.2:53"), udp("pod", "10.1.0.3:53"));
    let v6 = udp("pod", "[fd00:1::2]:53");
    // One socket each: all its packets are one flow.
    let (client, client_v6) = (udp("world", "192.168.0.2:0"), udp("world", "[fd00:2::2]:0"));
    let to = |client: &std::net::UdpSocket, node: &str, at: &std::net::UdpSocket| -> Option<IpAddr> {
        at.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let _ = client.send_to(b"hello", node);
        at.recv_from(&mut [0; 9]).ok().map(|(_, from)| from.ip())
    };
    let mapped =
        |id: &str, from: &str, to: &str| done(mapping(id, Transport::Udp, from, to, Disguise::Neighbours));
    let node = "192.168.0.1:53";
    let world = Some("192.168.0.2".parse().unwrap());
    assert_eq!(to(&client, node, &one), None);
    let first = mapped("one", "0.0.0.0:53", "10.1.0.2:53");
    assert_eq!(to(&client, node, &one), world, "it began before there was a way");
    undo(&[&first]);
    assert_eq!(to(&client, node, &one), None, "the way is gone");
    let second = mapped("other", "192.168.0.1:53", "10.1.0.3:53");
    assert_eq!(to(&client, node, &other), world, "another way");
    assert_eq!(to(&client, node, &one), None);
    undo(&[&second]);

    let (node, world) = ("[fd00:2::1]:53", Some("fd00:2::2".parse().unwrap()));
    assert_eq!(to(&client_v6, node, &v6), None);
    let third = mapped("six", "[::]:53", "[fd00:1::2]:53");
    assert_eq!(to(&client_v6, node, &v6), world);
    undo(&[&third]);
    assert_eq!(to(&client_v6, node, &v6), None);
    assert_eq!(sender(&udp("world", "192.168.0.2:0"), &one), Some("192.168.0.2".parse().unwrap()));
}
