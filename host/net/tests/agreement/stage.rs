//! A node and a pod of either kind, to try things on.

use multus_net::simulated::{Node, Sandbox, Simulated};
use multus_net::{Backend, LinkRef, Space};

use crate::script::soon;

/// A node with a pod, and what happens to them that no back end does.
pub(crate) trait Stage {
    /// The back end under test.
    fn backend(&mut self) -> &mut dyn Backend;
    /// Somebody else deletes a link.
    fn delete(&mut self, link: &LinkRef);
    /// The pod's last process ends.
    fn end(&mut self);

    /// Waits until what was begun is over: IPv6 addresses that can be used.
    fn settle(&mut self) {
        for space in [Space::Sandbox, Space::Host] {
            for found in self.backend().links(space).unwrap() {
                let link = LinkRef { space, index: found.index, name: found.name };
                self.backend().settle(&link, soon()).unwrap();
            }
        }
    }
}

/// In memory.
pub(crate) struct InMemory {
    node: Node,
    sandbox: Sandbox,
    handle: Simulated,
}

impl InMemory {
    pub(crate) fn new() -> Self {
        let node = Node::new();
        let sandbox = node.sandbox();
        let handle = node.open(sandbox);
        Self { node, sandbox, handle }
    }
}

impl Stage for InMemory {
    fn backend(&mut self) -> &mut dyn Backend {
        &mut self.handle
    }

    fn delete(&mut self, link: &LinkRef) {
        // What can't be deleted stays.
        let _ = self.node.delete(self.sandbox, link);
    }

    fn end(&mut self) {
        self.node.end(self.sandbox);
    }
}
