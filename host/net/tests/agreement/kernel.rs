//! The real kernel: a node and a pod that nobody else sees.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use multus_net::{Backend, Kernel, LinkRef, Space};
use nix::sched::{CloneFlags, unshare};

use crate::private::ip;
use crate::stage::Stage;

/// Where the pod's namespace is.
const POD: &str = "/run/netns/pod";
/// Nobody can delete it, whatever it is called.
const LOOPBACK: u32 = 1;

/// Namespaces of the calling thread, which is in the node's from then on.
pub(crate) struct InKernel(Kernel);

impl InKernel {
    fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        if Path::new(POD).exists() {
            // Of one that failed.
            ip("netns del pod");
        }
        ip("netns add pod");
        let mut kernel = Kernel::open(Some(Path::new(POD))).unwrap();
        for space in [Space::Host, Space::Sandbox] {
            for (key, value) in [
                // Addresses that come by themselves, when the kernel finds the time.
                ("net/ipv6/conf/default/addr_gen_mode", "1"),
                // Others can be used at once.
                ("net/ipv6/conf/all/accept_dad", "0"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                // What a new namespace has is its parent's.
                ("net/ipv4/conf/all/promote_secondaries", "0"),
                ("net/ipv4/conf/default/promote_secondaries", "0"),
            ] {
                set(&mut kernel, space, key, value);
            }
        }
        Self(kernel)
    }
}

fn set(kernel: &mut Kernel, space: Space, key: &str, value: &str) {
    let effect =
        multus_net::Effect::Sysctl { space, key: key.into(), value: value.into(), before: String::new() };
    kernel.apply(&effect, Instant::now() + Duration::from_secs(5)).unwrap();
}

impl Stage for InKernel {
    fn backend(&mut self) -> &mut dyn Backend {
        &mut self.0
    }

    fn delete(&mut self, link: &LinkRef) {
        if let Some(found) = self.0.link_at(link.space, link.index).unwrap()
            && link.index != LOOPBACK
        {
            let place = if link.space == Space::Sandbox { "-n pod " } else { "" };
            ip(&format!("{place}link del {}", found.name));
        }
    }

    /// As a new process finds it: the path leads nowhere. The kernel cleans up a moment later, everything at once.
    fn end(&mut self) {
        ip("link add canary index 999 type veth peer name canary netns pod");
        ip("netns del pod");
        // The last that keeps the namespace alive.
        self.0 = Kernel::open(Some(Path::new(POD))).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.0.link_named(Space::Host, "canary").unwrap().is_some() {
            assert!(Instant::now() < deadline, "the namespace is still alive");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Does something with a node and a pod of its own, aside: nothing of it is left.
pub(crate) fn aside<T: Send>(work: impl FnOnce(&mut InKernel) -> T + Send) -> T {
    thread::scope(|scope| {
        let place = scope.spawn(|| {
            let done = work(&mut InKernel::new());
            if Path::new(POD).exists() {
                ip("netns del pod");
            }
            done
        });
        place.join().unwrap()
    })
}
