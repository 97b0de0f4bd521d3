//! The pod does with its namespace what it likes, or loses it.

use multus_tests::{ip, private};

use crate::scene::{Networks, Scene};

/// What the pod does, by its story.
type Deed = (&'static str, fn());

fn rename() {
    for link in ["eth0", "net1"] {
        ip(&format!("-n web link set {link} down"));
        ip(&format!("-n web link set {link} name x{link}"));
    }
}

/// Its links get each other's names.
fn swap() {
    rename();
    ip("-n web link set xeth0 name net1");
    ip("-n web link set xnet1 name eth0");
}

/// The names become those of other links.
fn decoy() {
    rename();
    for link in ["eth0", "net1"] {
        ip(&format!("-n web link add {link} type bridge"));
    }
}

/// A link that the pod made: of a kind that every kernel has which we need.
fn is_decoy(line: &str) -> bool {
    line.starts_with("netns web: ") && line.contains("kind bridge")
}

fn alias() {
    for link in ["eth0", "net1"] {
        ip(&format!("-n web link set {link} alias the-node-s-own"));
        ip(&format!("-n web link property add dev {link} altname other-{link}"));
    }
}

fn new_address() {
    for link in ["eth0", "net1"] {
        ip(&format!("-n web link set {link} address 02:00:00:00:00:99"));
        ip(&format!("-n web addr flush dev {link}"));
    }
}

fn delete_one() {
    ip("-n web link del eth0");
}

fn delete_all() {
    ip("-n web link del eth0");
    ip("-n web link del net1");
}

fn elsewhere() {
    ip("netns add elsewhere");
    ip("-n web link set eth0 netns elsewhere");
    ip("-n web link set net1 netns elsewhere name moved");
}

const DEEDS: [Deed; 8] = [
    ("renamed its links", rename),
    ("swapped their names", swap),
    ("gave their names to others", decoy),
    ("aliased them", alias),
    ("changed their addresses", new_address),
    ("deleted one", delete_one),
    ("deleted both", delete_all),
    ("moved them elsewhere", elsewhere),
];

#[test]
fn whatever_the_pod_did_with_its_links_they_are_taken_back() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(Networks::Virtual);
        for (story, deed) in DEEDS {
            scene.add_succeeds(&conf, story);
            deed();
            scene.del_succeeds(&conf, story);
            scene.must_be_clean_but(story, |line| is_decoy(line) || line.starts_with("netns elsewhere"));
            scene.another_namespace();
        }
    });
}

/// A device has to come home, under whatever names.
#[test]
fn a_device_that_the_pod_renamed_comes_home() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(Networks::All);
        for story in [
            "renamed",
            "with its name of the node as another one's",
            "with a further name",
            "up, with addresses",
        ] {
            scene.add_succeeds(&conf, story);
            ip("-n web link set net2 down");
            match story {
                "renamed" => drop(ip("-n web link set net2 name odd")),
                "up, with addresses" => {
                    drop((ip("-n web link set net2 mtu 1300"), ip("-n web link set net2 promisc on")));
                }
                "with a further name" => drop(ip("-n web link property add dev net2 altname lab0")),
                _ => drop((ip("-n web link set net2 name odd"), ip("-n web link add dev0 type bridge"))),
            }
            scene.del_succeeds(&conf, story);
            scene.must_be_clean_but(story, is_decoy);
            scene.another_namespace();
        }
    });
}

#[test]
fn a_namespace_that_went_before_del_came() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(Networks::Virtual);
        scene.add_succeeds(&conf, "ADD");
        scene.node.remove_netns("web");
        scene.del_succeeds(&conf, "DEL without the namespace");
        scene.node.netns("web");
        scene.must_be_clean("DEL without the namespace");
    });
}

/// The path is another pod's by now: nothing there is ours, whatever it is called.
#[test]
fn a_path_that_is_somebody_elses_by_now() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(Networks::Virtual);
        scene.add_succeeds(&conf, "ADD");
        scene.node.remove_netns("web");
        scene.node.netns("web");
        ip("-n web link add eth0 type bridge");
        ip("-n web addr add 10.1.0.77/24 dev eth0");
        ip("-n web link add net1 type bridge");
        let others = |line: &str| line.starts_with("netns web: ");
        let before = scene.dump().without(|line| !others(line));
        scene.del_succeeds(&conf, "DEL with another namespace at its path");
        scene.dump().without(|line| !others(line)).must_equal(&before);
        scene.must_be_clean_but("the rest", others);
    });
}
