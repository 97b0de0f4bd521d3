//! A node and its pod: our own network namespace, and `pod`.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use multus_net::{Backend, Effect, Kernel, LinkRef, MacAddr, NewLink, Property, Refused, Space};
use nix::sched::CloneFlags;
use serde_json::Value;

use crate::private::ip;

pub(crate) const POD: &str = "/run/netns/pod";

/// Where every new link may use its IPv6 addresses at once.
fn without_duplicate_address_detection(netns: &str) {
    let key = "/proc/sys/net/ipv6/conf/default/accept_dad";
    inside(netns, || std::fs::write(key, "0").unwrap());
}

/// A further namespace.
pub(crate) fn namespace(name: &str) {
    ip(&format!("netns add {name}"));
    without_duplicate_address_detection(name);
}

/// A pod without links of its own.
pub(crate) fn pod() {
    namespace("pod");
    without_duplicate_address_detection("");
    ip("link set lo up");
    ip("-n pod link set lo up");
}

pub(crate) fn open() -> Kernel {
    Kernel::open(Some(Path::new(POD))).unwrap()
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Does an effect by a back end of its own, as another process would. Returns how many messages it took.
pub(crate) fn apply(effect: &Effect) -> Result<u32, Refused> {
    let mut kernel = open();
    kernel.apply(effect, soon()).map(|()| kernel.messages())
}

pub(crate) fn done(effect: Effect) -> Effect {
    apply(&effect).unwrap();
    effect
}

/// Takes effects back, likewise.
pub(crate) fn undo(effects: &[&Effect]) -> u32 {
    let mut kernel = open();
    let failed = kernel.undo(effects, soon());
    assert!(failed.is_empty(), "{failed:?}");
    kernel.messages()
}

/// The words of a refusal, and its number.
pub(crate) fn refusal(effect: &Effect) -> (String, Option<i32>) {
    let refused = apply(effect).expect_err(&effect.to_string());
    (refused.to_string(), refused.errno)
}

pub(crate) fn mac(last: u8) -> MacAddr {
    MacAddr([0x0a, 0x58, 0, 0, 0, last])
}

pub(crate) fn new_link(space: Space, index: u32, name: &str, last: u8) -> NewLink {
    NewLink { space, index, name: name.into(), mac: mac(last) }
}

/// `eth0` in the pod, number 900, and `vethpod` on the node, number 901.
pub(crate) fn veth() -> Effect {
    Effect::Veth {
        inside: new_link(Space::Sandbox, 900, "eth0", 1),
        outside: new_link(Space::Host, 901, "vethpod", 2),
        mtu: None,
    }
}

pub(crate) fn eth0() -> LinkRef {
    LinkRef { space: Space::Sandbox, index: 900, name: "eth0".into() }
}

pub(crate) fn vethpod() -> LinkRef {
    LinkRef { space: Space::Host, index: 901, name: "vethpod".into() }
}

pub(crate) fn set(link: LinkRef, property: Property, before: Option<Property>) -> Effect {
    Effect::Set { link, property, before }
}

pub(crate) fn up(link: LinkRef) -> Effect {
    set(link, Property::Up(true), None)
}

/// A pod whose `eth0` and its other end on the node are up.
pub(crate) fn connected() {
    pod();
    for effect in [veth(), up(eth0()), up(vethpod())] {
        done(effect);
    }
}

/// The link of that name as iproute2 sees it in this namespace (empty for ours); `Null` if it is not there.
pub(crate) fn link(netns: &str, name: &str) -> Value {
    let all = json(netns, "-d addr");
    all.as_array().unwrap().iter().find(|link| link["ifname"] == name).cloned().unwrap_or_default()
}

pub(crate) fn json(netns: &str, words: &str) -> Value {
    serde_json::from_str(&shown(netns, &format!("-j {words}"))).unwrap()
}

/// What iproute2 prints in a namespace (empty for ours).
pub(crate) fn shown(netns: &str, words: &str) -> String {
    if netns.is_empty() { ip(words) } else { ip(&format!("-n {netns} {words}")) }
}

/// Everything that iproute2 knows about links, addresses, routes and permanent neighbours, ours and the pod's.
pub(crate) fn everything() -> Vec<String> {
    let mut all = Vec::new();
    for netns in ["", "pod"] {
        for words in [
            "-o link",
            "-o addr",
            "-4 route show table all",
            "-6 route show table all",
            "neigh show nud permanent",
        ] {
            all.extend(shown(netns, words).lines().map(|line| format!("{netns}: {}", steady(line))));
        }
    }
    all
}

/// Everything is as it was.
#[track_caller]
pub(crate) fn assert_unchanged(before: &[String], what: &dyn std::fmt::Display) {
    let now = everything();
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (gone, new) = (only(before, &now), only(&now, before));
    assert!(gone.is_empty() && new.is_empty(), "{what}\ngone: {gone:#?}\nnew: {new:#?}");
}

/// Without what the kernel finds out some time after a link is up, and what a link that was up once has for ever.
fn steady(line: &str) -> String {
    let mut words: Vec<_> = line.split_whitespace().collect();
    for told in ["state", "qdisc"] {
        if let Some(at) = words.iter().position(|word| *word == told) {
            words.drain(at..at + 2);
        }
    }
    words.retain(|word| *word != "tentative");
    words.join(" ").replace("NO-CARRIER,", "").replace(",LOWER_UP", "").replace(",M-DOWN", "")
}

/// Does something in another namespace, on a thread of its own.
#[allow(clippy::disallowed_methods, reason = "the thread ends with it")]
pub(crate) fn inside<T: Send>(netns: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if !netns.is_empty() {
                let file = File::open(format!("/run/netns/{netns}")).unwrap();
                nix::sched::setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}

/// A socket that waits a short time only.
pub(crate) fn udp(netns: &str, address: &str) -> UdpSocket {
    let address: SocketAddr = address.parse().unwrap();
    let socket = inside(netns, || UdpSocket::bind(address)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket
}

/// Sends a packet from one to the other, and returns whom the other takes for its sender; `None` if it does not come.
pub(crate) fn sender(from: &UdpSocket, to: &UdpSocket) -> Option<IpAddr> {
    from.send_to(b"hello", to.local_addr().unwrap()).unwrap();
    to.recv_from(&mut [0; 9]).ok().map(|(_, from)| from.ip())
}
