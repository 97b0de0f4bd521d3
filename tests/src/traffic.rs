//! Packets: what arrives decides, whatever tables say.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

/// Neighbours have to be found first, and IPv6 addresses may be settling.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two packets. Ours are lost on purpose or not at all.
const PAUSE: Duration = Duration::from_millis(60);

/// What became of packets from one namespace to an address in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// They did not arrive.
    Nothing,
    /// They arrived, from this address, and the answer did not come back.
    OneWay(IpAddr),
    /// They arrived, from this address, and were answered.
    Answered(IpAddr),
}

/// Does something inside of a named network namespace, on a thread of its own, whose processes are there as well.
/// An empty name stands for the caller's own.
///
/// # Panics
/// If there is no such namespace, or what is done panics.
#[allow(clippy::disallowed_methods, reason = "the thread ends with it")]
pub fn within<T: Send>(netns: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let inside = scope.spawn(|| {
            if !netns.is_empty() {
                let path = Path::new("/run/netns").join(netns);
                let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                setns(file, CloneFlags::CLONE_NEWNET).expect("a namespace that was opened can be entered");
            }
            work()
        });
        inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Sends packets from one namespace to an address of another one, until one is heard or nobody waits any more.
/// Empty names stand for the caller's own namespace.
///
/// # Panics
/// If sockets can't be had.
pub fn hear(from: &str, to: &str, address: IpAddr) -> Heard {
    hear_for(PATIENCE, from, to, address)
}

/// The same with another patience: short where silence is what is expected most of the time.
///
/// # Panics
/// If sockets can't be had.
pub fn hear_for(patience: Duration, from: &str, to: &str, address: IpAddr) -> Heard {
    let everywhere: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = |netns: &str| within(netns, || UdpSocket::bind((everywhere, 0)).expect("a socket"));
    let (listener, sender) = (socket(to), socket(from));
    for socket in [&listener, &sender] {
        socket.set_read_timeout(Some(PAUSE)).expect("a time that is not zero");
    }
    let port = listener.local_addr().expect("a socket that is bound").port();
    let (mut heard, began) = (Heard::Nothing, Instant::now());
    while began.elapsed() < patience && !matches!(heard, Heard::Answered(_)) {
        // What can't be sent at all does not arrive.
        let _ = sender.send_to(b"?", (address, port));
        let Some(source) = receive(&listener) else { continue };
        heard = Heard::OneWay(source.ip());
        let _ = listener.send_to(b"!", source);
        if receive(&sender).is_some() {
            heard = Heard::Answered(source.ip());
        }
    }
    heard
}

fn receive(socket: &UdpSocket) -> Option<SocketAddr> {
    match socket.recv_from(&mut [0]) {
        Ok((_, source)) => Some(source),
        Err(error) if refused(&error) => None,
        Err(error) => panic!("a socket of the test's own: {error}"),
    }
}

/// Nothing came in time, or word that nobody is there.
fn refused(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, ip, private};

    #[test]
    fn what_has_a_way_is_heard_and_what_has_none_is_not() {
        private(|| {
            let node = Node::new();
            for name in ["a", "b"] {
                node.netns(name);
            }
            ip("link add v0 netns a type veth peer name v1 netns b");
            ip("-n a addr add 10.1.0.1/24 dev v0");
            ip("-n a link set v0 up");
            ip("-n b link set v1 up");
            let b: IpAddr = "10.1.0.2".parse().unwrap();
            assert_eq!(hear("a", "b", b), Heard::Nothing);
            ip("-n b addr add 10.1.0.2/24 dev v1");
            assert_eq!(hear("a", "b", b), Heard::Answered("10.1.0.1".parse().unwrap()));
            ip("-n a addr add 10.9.0.1/32 dev v0");
            ip("-n a route change 10.1.0.0/24 dev v0 src 10.9.0.1");
            assert_eq!(hear("a", "b", b), Heard::OneWay("10.9.0.1".parse().unwrap()));
            assert_eq!(within("a", || ip("-o link show v0")).lines().count(), 1);
        });
    }
}
