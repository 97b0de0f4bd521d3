//! Functions change hands, between us and the reference plugin, and across crashes and boots.

use super::*;

const ADDRESS: &str = "0000:03:10.0";
/// A namespace that is there as long as we are, and one that never was.
const ALIVE: &str = "/proc/self/ns/net";
const GONE: &str = "/var/run/netns/gone";

struct Node {
    dir: tempfile::TempDir,
}

impl Node {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn claims(&self) -> Claims {
        Claims::at(self.dir.path().join("sriov"))
    }

    fn lock(&self) -> Locked {
        self.claims().lock(&address(), Instant::now() + Duration::from_secs(5)).unwrap()
    }

    /// As the reference plugin leaves it.
    fn others_take(&self, netns: &str) {
        let folder = self.dir.path().join("sriov/pci");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(ADDRESS), netns).unwrap();
    }

    fn their_file(&self) -> Option<String> {
        fs::read_to_string(self.dir.path().join("sriov/pci").join(ADDRESS)).ok()
    }
}

fn address() -> PciAddress {
    ADDRESS.parse().unwrap()
}

fn boot() -> BootId {
    BootId::named("this")
}

fn pod(container_id: &str, netns: &str) -> Holder {
    Holder {
        container_id: container_id.to_owned(),
        interface: "net1".to_owned(),
        netns: netns.to_owned(),
        boot: boot(),
    }
}

/// The reference plugin's own table: free, held, held by a namespace that is gone.
#[test]
fn a_function_is_free_held_or_stale() {
    let node = Node::new();
    assert_eq!(node.lock().taken(&boot()).unwrap(), None);
    node.others_take(ALIVE);
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByOthers { netns: ALIVE.to_owned() }));
    for stale in [GONE, "/etc/passwd", "", "\n", "\0\0\0\0"] {
        node.others_take(stale);
        assert_eq!(node.lock().taken(&boot()).unwrap(), None, "{stale:?}");
    }
}

#[test]
fn what_we_take_the_reference_plugin_sees() {
    let node = Node::new();
    let holder = pod("c1", ALIVE);
    node.lock().claim(&holder).unwrap();
    assert_eq!(node.their_file().as_deref(), Some(ALIVE), "without a line's end, as it writes it");
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByUs(holder.clone())));
    assert!(!node.lock().is_lost(&holder).unwrap());
    node.lock().release(&holder).unwrap();
    assert_eq!((node.their_file(), node.lock().taken(&boot()).unwrap()), (None, None));
    node.lock().release(&holder).unwrap();
}

/// Its settings are still ours: to the reference plugin it is free by then.
#[test]
fn ours_stays_taken_after_its_namespace_until_it_was_taken_back() {
    let node = Node::new();
    let holder = pod("c1", GONE);
    node.lock().claim(&holder).unwrap();
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByUs(holder.clone())));
    let later = BootId::named("the next");
    assert_eq!(node.lock().taken(&later).unwrap(), None, "another boot");
    node.lock().release(&holder).unwrap();
    assert_eq!(node.their_file(), None);
}

#[test]
fn what_somebody_else_took_meanwhile_stays_theirs() {
    let node = Node::new();
    let (first, second) = (pod("c1", GONE), pod("c2", ALIVE));
    node.lock().claim(&first).unwrap();
    node.others_take(ALIVE);
    assert!(node.lock().is_lost(&first).unwrap());
    node.lock().release(&first).unwrap();
    assert_eq!(node.their_file().as_deref(), Some(ALIVE));
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByOthers { netns: ALIVE.to_owned() }));

    node.lock().claim(&second).unwrap();
    assert!(node.lock().is_lost(&first).unwrap() && !node.lock().is_lost(&second).unwrap());
    node.lock().release(&first).unwrap();
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByUs(second)));
}

#[test]
fn a_claim_that_was_cut_short_is_none_and_no_reader_trips() {
    let node = Node::new();
    let folder = node.dir.path().join("sriov/multus");
    fs::create_dir_all(&folder).unwrap();
    for text in ["", "c1", "c1\nnet1\n", "c1\nnet1\n/x", "c1\n\n/x\nthis\n", "\u{0}\u{0}\u{0}"] {
        fs::write(folder.join(ADDRESS), text).unwrap();
        assert_eq!(node.lock().taken(&boot()).unwrap(), None, "{text:?}");
    }
    // A draft of a killed call is in nobody's way.
    fs::write(folder.join(format!(".{ADDRESS}.new")), "half").unwrap();
    node.lock().claim(&pod("c1", ALIVE)).unwrap();
    assert_eq!(node.lock().taken(&boot()).unwrap(), Some(Taken::ByUs(pod("c1", ALIVE))));
}

#[test]
fn one_at_a_time_works_on_a_function() {
    let node = Node::new();
    let held = node.lock();
    let soon = Instant::now() + Duration::from_millis(20);
    let error = node.claims().lock(&address(), soon).unwrap_err();
    assert!(
        matches!(&error, ClaimError::Busy { .. }) && error.to_string().contains("fuser --verbose"),
        "{error}"
    );
    let other = "0000:03:10.2".parse().unwrap();
    node.claims().lock(&other, soon).unwrap();
    drop(held);
    node.claims().lock(&address(), soon).unwrap();
}

/// What it was to say is lost; that it was ours is on record.
#[test]
fn claims_that_a_power_cut_emptied_are_free_in_the_next_boot() {
    let folder = |node: &Node| node.dir.path().join("sriov");
    for left in ["", "\0\0\0\0\0\0\0\0"] {
        for emptied in [&["pci"][..], &["multus"], &["pci", "multus"]] {
            let node = Node::new();
            let holder = pod("c1", GONE);
            node.lock().claim(&holder).unwrap();
            emptied.iter().for_each(|name| fs::write(folder(&node).join(name).join(ADDRESS), left).unwrap());
            let later = BootId::named("the next");
            assert_eq!(node.lock().taken(&later).unwrap(), None, "{emptied:?}");
            let next = Holder { boot: later.clone(), ..pod("c2", ALIVE) };
            node.lock().claim(&next).unwrap();
            node.lock().release(&holder).unwrap();
            assert_eq!(node.lock().taken(&later).unwrap(), Some(Taken::ByUs(next)), "{emptied:?}");
        }
    }
}
