//! Effects in words, so that a rule can be read.
//!
//! ```text
//! veth pod.10=eth0 node.20=veth0 mtu 1400      bridge node.5=br0          move pod.10 node ens1
//! macvlan pod.10=eth0 node.20 bridge queue 500 mtu 1400       ipvlan pod.10=eth0 node.20 l2 mtu 1400
//! vlan pod.10=eth0 node.20 100 mtu 1400        dummy pod.10=eth0          vrf pod.10=blue 5
//! bridge node.5=br0 filtering                  vlans node.20 100 pvid untagged 200-299      novlans node.20 1
//! set pod.10 up|down|mtu 1400|mac 02:…|master 5|nomaster|promiscuous on|hairpin off|name net1|also uplink
//!            all-multicast on|queue 500|isolated on
//! address pod.10 10.0.0.1/24                   noaddress pod.10 10.0.0.1/24
//! route pod.10 10.9.0.0/16 via 10.0.0.2 …      noroute pod.10 10.0.0.0/24 neighbour pod.10 10.0.0.2 02:…
//! sysctl pod net/ipv4/ip_forward 1             masquerade a 10.0.0.1 10.0.0.0/24
//! spoof-check a node.20 02:…                   announce pod.10 10.0.0.1
//! map a tcp 0.0.0.0:8080 10.0.0.2:80 nobody|neighbours|everybody
//! ifb node.30=ifb0 mtu 1400                    limit node.20 RATE BURST QUEUE      redirect node.20 node.30
//! rule 100 10.0.0.1/32 7
//! ```
//!
//! `lasting` at the end: the link was there before, what it was is restored. `mac` after a link to be made: with this
//! address instead of one that tells the link's place.

use std::net::SocketAddr;
use std::str::FromStr;

use ipnet::IpNet;
use multus_net::{
    Apart, Backend, Disguise, Effect, Home, HostPort, IpvlanMode, Limit, LinkKind, LinkRef, MacAddr,
    MacvlanMode, NewLink, PacketEnd, PolicyRule, PortMapping, PortVlans, Property, Route, Space, Transport,
};

/// The words of a line that are still to be read.
pub(crate) struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        let mut words: Vec<_> = line.split_whitespace().collect();
        words.reverse();
        Self(words)
    }

    pub(crate) fn next(&mut self) -> &'a str {
        self.0.pop().expect("a further word")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The word, if it is next.
    fn takes(&mut self, word: &str) -> bool {
        let next = self.0.last() == Some(&word);
        if next {
            self.0.pop();
        }
        next
    }

    pub(crate) fn parse<T: FromStr>(&mut self) -> T {
        let word = self.next();
        word.parse().unwrap_or_else(|_| panic!("`{word}` is none"))
    }

    /// What follows `word`, if that is next.
    fn after<T: FromStr>(&mut self, word: &str) -> Option<T> {
        self.takes(word).then(|| self.parse())
    }

    pub(crate) fn space(&mut self) -> Space {
        space(self.next())
    }

    /// `pod.10`.
    pub(crate) fn link(&mut self) -> LinkRef {
        let (space, index) = place(self.next());
        LinkRef { space, index, name: format!("link{index}") }
    }

    /// `pod.10=eth0`, perhaps `mac 02:…`.
    fn new_link(&mut self) -> NewLink {
        let (place_word, name) = self.next().split_once('=').expect("pod.10=eth0");
        let (space, index) = place(place_word);
        let mac = self.after("mac").unwrap_or(MacAddr([2, 0, 0, 0, space as u8, index as u8]));
        NewLink { space, index, name: name.to_owned(), mac }
    }

    fn on(&mut self) -> bool {
        self.next() == "on"
    }

    /// One effect; what a link was before is looked up.
    pub(crate) fn effect(&mut self, node: &mut dyn Backend) -> Effect {
        match self.next() {
            "veth" => {
                let (inside, outside) = (self.new_link(), self.new_link());
                Effect::Veth { inside, outside, mtu: self.after("mtu") }
            }
            "pair" => {
                let (end, port) = (self.new_link(), self.new_link());
                Effect::Pair { end, port, mtu: self.after("mtu") }
            }
            kind @ ("macvlan" | "ipvlan" | "vlan" | "dummy" | "vrf" | "ifb") => self.new_kind(kind),
            "vlans" => Effect::Vlans { link: self.link(), vlans: self.vlans() },
            "novlans" => Effect::NoVlans { link: self.link(), vlans: self.vlans() },
            "bridge" => {
                let (link, mtu) = (self.new_link(), self.after("mtu"));
                Effect::Bridge { link, mtu, vlans: self.takes("filtering") }
            }
            "move" => {
                let (link, to, name) = (self.link(), self.space(), self.next().to_owned());
                let nowhere = || Home {
                    name: String::new(),
                    up: false,
                    mtu: 0,
                    mac: String::new(),
                    bus_address: None,
                    alternative_names: Vec::new(),
                    promiscuous: false,
                    all_multicast: false,
                    tx_queue_length: None,
                };
                let home = node.home(&link).unwrap_or_else(|_| nowhere());
                Effect::Move { link, to, name, home }
            }
            "set" => {
                let (link, property) = (self.link(), self.property());
                let before = if self.takes("lasting") { before(node, &link, &property) } else { None };
                Effect::Set { link, property, before }
            }
            "address" => {
                Effect::Address { link: self.link(), address: self.parse(), lasting: self.takes("lasting") }
            }
            "noaddress" => Effect::NoAddress { link: self.link(), address: self.parse() },
            "route" => {
                Effect::Route { link: self.link(), route: self.route(), lasting: self.takes("lasting") }
            }
            "noroute" => {
                Effect::NoRoute { link: self.link(), route: self.route(), lasting: self.takes("lasting") }
            }
            "limit" => {
                let link = self.link();
                let limit = Limit { rate: self.parse(), burst: self.parse(), queue: self.parse() };
                let apart = ["of", "but"].into_iter().find(|which| self.takes(which)).map(|which| Apart {
                    by: match self.next() {
                        "from" => PacketEnd::Source,
                        _ => PacketEnd::Destination,
                    },
                    subnets: self.next().split(',').map(|subnet| subnet.parse().unwrap()).collect(),
                    limited: which == "of",
                });
                Effect::Limit { link, limit, apart }
            }
            "redirect" => Effect::Redirect { link: self.link(), to: self.link() },
            "rule" => {
                let rule = PolicyRule { priority: self.parse(), source: self.parse(), table: self.parse() };
                Effect::PolicyRule { rule }
            }
            "neighbour" => Effect::Neighbour { link: self.link(), address: self.parse(), mac: self.parse() },
            "sysctl" => {
                let (space, key, value) = (self.space(), self.next().to_owned(), self.next().to_owned());
                let before = node.sysctl(space, &key).unwrap_or_default();
                Effect::Sysctl { space, key, value, before }
            }
            "masquerade" => Effect::Masquerade {
                id: self.next().to_owned(),
                address: self.parse(),
                network: self.parse(),
            },
            "spoof-check" => {
                Effect::SpoofCheck { id: self.next().to_owned(), port: self.link(), mac: self.parse() }
            }
            "map" => Effect::PortMapping { id: self.next().to_owned(), mapping: self.mapping() },
            "announce" => Effect::Announce { link: self.link(), addresses: vec![self.parse()] },
            other => panic!("there is no effect `{other}`"),
        }
    }

    /// A link that is made alone.
    fn new_kind(&mut self, kind: &str) -> Effect {
        let link = self.new_link();
        let on_parent = matches!(kind, "macvlan" | "ipvlan" | "vlan");
        let parent = on_parent.then(|| self.link());
        let kind = match kind {
            "macvlan" => LinkKind::Macvlan { mode: self.macvlan_mode(), queue: self.after("queue") },
            "ipvlan" => LinkKind::Ipvlan { mode: self.ipvlan_mode() },
            "vlan" => LinkKind::Vlan { id: self.parse() },
            "dummy" => LinkKind::Dummy,
            "vrf" => LinkKind::Vrf { table: self.parse() },
            _ => LinkKind::Ifb,
        };
        Effect::Link { link, parent, kind, mtu: self.after("mtu") }
    }

    fn macvlan_mode(&mut self) -> MacvlanMode {
        match self.next() {
            "bridge" => MacvlanMode::Bridge,
            "private" => MacvlanMode::Private,
            "vepa" => MacvlanMode::Vepa,
            "passthru" => MacvlanMode::Passthru,
            other => panic!("there is no mode `{other}`"),
        }
    }

    fn ipvlan_mode(&mut self) -> IpvlanMode {
        match self.next() {
            "l2" => IpvlanMode::L2,
            "l3" => IpvlanMode::L3,
            "l3s" => IpvlanMode::L3s,
            other => panic!("there is no mode `{other}`"),
        }
    }

    fn mapping(&mut self) -> PortMapping {
        let protocol = match self.next() {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            "sctp" => Transport::Sctp,
            other => panic!("there is no protocol `{other}`"),
        };
        let (from, to): (SocketAddr, SocketAddr) = (self.parse(), self.parse());
        let disguise = match self.next() {
            "nobody" => Disguise::Nobody,
            "neighbours" => Disguise::Neighbours,
            "everybody" => Disguise::Everybody,
            other => panic!("`{other}` is neither nobody nor somebody"),
        };
        let from = HostPort { protocol, address: from.ip(), port: from.port() };
        let network = IpNet::new(to.ip(), 24).unwrap().trunc();
        PortMapping { from, address: to.ip(), port: to.port(), network, disguise }
    }

    fn property(&mut self) -> Property {
        match self.next() {
            "up" => Property::Up(true),
            "down" => Property::Up(false),
            "mtu" => Property::Mtu(self.parse()),
            "mac" => Property::Mac(self.parse()),
            "master" => Property::Master(Some(self.parse())),
            "nomaster" => Property::Master(None),
            "promiscuous" => Property::Promiscuous(self.on()),
            "all-multicast" => Property::AllMulticast(self.on()),
            "queue" => Property::TxQueueLength(self.parse()),
            "hairpin" => Property::Hairpin(self.on()),
            "isolated" => Property::Isolated(self.on()),
            "name" => Property::Name(self.next().to_owned()),
            "also" => Property::AlternativeName(self.next().to_owned()),
            other => panic!("there is no property `{other}`"),
        }
    }

    /// `100 pvid untagged 200-299`, to the end of the line.
    fn vlans(&mut self) -> Vec<PortVlans> {
        let mut all = Vec::new();
        while !self.is_empty() {
            let word = self.next();
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let id = |text: &str| text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"));
            let native = self.takes("pvid");
            all.push(PortVlans {
                first: id(first),
                last: id(last),
                native,
                untagged: self.takes("untagged"),
            });
        }
        all
    }

    /// What is said of it in any order, up to a word that says nothing of a route.
    fn route(&mut self) -> Route {
        let destination = self.parse();
        let mut route = Route {
            destination,
            gateway: None,
            source: None,
            metric: None,
            table: None,
            scope: None,
            mtu: None,
            advmss: None,
            onlink: false,
        };
        loop {
            let left = self.0.len();
            route.gateway = self.after("via").or(route.gateway);
            route.source = self.after("src").or(route.source);
            route.metric = self.after("metric").or(route.metric);
            route.table = self.after("table").or(route.table);
            route.scope = self.after("scope").or(route.scope);
            route.mtu = self.after("mtu").or(route.mtu);
            route.advmss = self.after("advmss").or(route.advmss);
            route.onlink |= self.takes("onlink");
            if self.0.len() == left {
                return route;
            }
        }
    }
}

fn space(word: &str) -> Space {
    match word {
        "pod" => Space::Sandbox,
        "node" => Space::Host,
        other => panic!("`{other}` is neither `pod` nor `node`"),
    }
}

fn place(word: &str) -> (Space, u32) {
    let (place, index) = word.split_once('.').expect("pod.10");
    (space(place), index.parse().expect("an index"))
}

/// What the link has of that property now.
fn before(node: &mut dyn Backend, link: &LinkRef, property: &Property) -> Option<Property> {
    let now = node.link_at(link.space, link.index).unwrap()?;
    Some(match property {
        Property::Up(_) => Property::Up(now.up),
        Property::Mtu(_) => Property::Mtu(now.mtu),
        Property::Mac(_) => Property::Mac(now.mac.parse().unwrap()),
        Property::Master(_) => Property::Master(now.master),
        Property::Promiscuous(_) => Property::Promiscuous(now.promiscuous),
        Property::AllMulticast(_) => Property::AllMulticast(now.all_multicast),
        Property::TxQueueLength(_) => Property::TxQueueLength(now.tx_queue_length),
        Property::Hairpin(on) => Property::Hairpin(!on),
        Property::Isolated(on) => Property::Isolated(!on),
        Property::Name(_) => Property::Name(now.name),
        Property::AlternativeName(name) => Property::AlternativeName(name.clone()),
    })
}
