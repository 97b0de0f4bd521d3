//! Visitors: who comes to a port, on whatever way it leads there.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Heard, sctp, within};

/// Between two looks, or two packets.
const PAUSE: Duration = Duration::from_millis(60);

/// How to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// By a connection of TCP.
    Tcp,
    /// By packets of UDP.
    Udp,
    /// By an association of SCTP, where the kernel has it: see [`crate::speaks_sctp`].
    Sctp,
}

/// Goes from one namespace to an address and port, and sees whether somebody at a port of another one hears and
/// answers. Empty names stand for the caller's own namespace.
///
/// # Panics
/// If sockets can't be had.
pub fn visit(
    patience: Duration,
    protocol: Protocol,
    from: &str,
    to: SocketAddr,
    host: &str,
    port: u16,
) -> Heard {
    match protocol {
        Protocol::Tcp => {
            let at = SocketAddr::new(everywhere(&to), port);
            let listener = within(host, || TcpListener::bind(at).expect("a port of its own"));
            let come = || within(from, || TcpStream::connect_timeout(&to, patience).ok());
            by_stream(patience, &listener, come)
        }
        Protocol::Sctp => {
            let at = SocketAddr::new(everywhere(&to), port);
            let listener = within(host, || sctp::listen(at).expect("a port of its own"));
            by_stream(patience, &listener, || within(from, || sctp::connect(to, patience).ok()))
        }
        Protocol::Udp => by_udp(patience, from, to, host, port),
    }
}

/// All addresses of a family.
fn everywhere(to: &SocketAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn by_stream(patience: Duration, listener: &TcpListener, come: impl FnOnce() -> Option<TcpStream>) -> Heard {
    listener.set_nonblocking(true).expect("a socket can be asked without waiting");
    let Some(mut visitor) = come() else { return Heard::Nothing };
    let began = Instant::now();
    let (mut there, source) = loop {
        match listener.accept() {
            Ok(both) => break both,
            Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < patience => {
                thread::sleep(PAUSE);
            }
            // Somebody else is there.
            Err(_) => return Heard::Nothing,
        }
    };
    visitor.set_read_timeout(Some(patience)).expect("a time that is not zero");
    let sent = there.write_all(b"!");
    drop(there);
    let answered = sent.is_ok() && visitor.read(&mut [0]).is_ok_and(|length| length == 1);
    if answered { Heard::Answered(source.ip()) } else { Heard::OneWay(source.ip()) }
}

fn by_udp(patience: Duration, from: &str, to: SocketAddr, host: &str, port: u16) -> Heard {
    let socket = |netns: &str, port: u16| {
        let socket = within(netns, || UdpSocket::bind((everywhere(&to), port)).expect("a port of its own"));
        socket.set_read_timeout(Some(PAUSE)).expect("a time that is not zero");
        socket
    };
    let (there, visitor) = (socket(host, port), socket(from, 0));
    let (mut heard, began) = (Heard::Nothing, Instant::now());
    while began.elapsed() < patience && !matches!(heard, Heard::Answered(_)) {
        // What can't be sent at all does not arrive.
        let _ = visitor.send_to(b"?", to);
        let Ok((_, source)) = there.recv_from(&mut [0]) else { continue };
        heard = Heard::OneWay(source.ip());
        let _ = there.send_to(b"!", source);
        if visitor.recv_from(&mut [0]).is_ok_and(|(_, answerer)| answerer == to) {
            heard = Heard::Answered(source.ip());
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, ip, private};

    #[test]
    fn who_finds_the_door_is_heard_and_others_are_not() {
        private(|| {
            let node = Node::new();
            for name in ["a", "b"] {
                node.netns(name);
            }
            ip("link add v0 netns a type veth peer name v1 netns b");
            for words in [
                "-n a addr add 10.1.0.1/24 dev v0",
                "-n b addr add 10.1.0.2/24 dev v1",
                "-n a link set v0 up",
                "-n b link set v1 up",
            ] {
                ip(words);
            }
            let visitor = Heard::Answered("10.1.0.1".parse().unwrap());
            let sctp = crate::speaks_sctp().then_some(Protocol::Sctp);
            for protocol in [Protocol::Tcp, Protocol::Udp].into_iter().chain(sctp) {
                let came =
                    |to: &str| visit(Duration::from_secs(1), protocol, "a", to.parse().unwrap(), "b", 80);
                assert_eq!(came("10.1.0.2:80"), visitor);
                assert_eq!(came("10.1.0.2:81"), Heard::Nothing);
            }
        });
    }
}
