//! The back end of a simulated node.

use std::fmt::Display;

use super::fault::{Fault, Schedule, Turn};
use super::no::{Done, No};
use super::node::{Node, Sandbox};
use super::space::Namespace;
use super::world::World;
use crate::{Refused, Space};

/// One process's way to a [`Node`], for one attachment.
///
/// Whatever it asks of the node, question or change, is a request with a number, from 0: [`Simulated::fault`] lets one
/// of them go wrong. An effect may take several.
#[derive(Debug)]
pub struct Simulated {
    pub(super) node: Node,
    pub(super) sandbox: Sandbox,
    pub(super) schedule: Schedule,
}

impl Simulated {
    /// Lets request number `at` of this back end end so. One that is over already stays as it was.
    pub fn fault(&mut self, at: u64, fault: Fault) {
        self.schedule.set(at, fault);
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.schedule.requests()
    }

    /// Whether the process was killed: everything else is refused from then on, and nothing is done any more. The node
    /// stays as it is, for the next [`Node::open`].
    pub fn is_dead(&self) -> bool {
        self.schedule.is_dead()
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The pod whose attachment it is for.
    pub fn of(&self) -> Sandbox {
        self.sandbox
    }

    /// One request.
    pub(super) fn ask<T>(
        &mut self,
        tried: &dyn Display,
        work: impl FnOnce(&mut World) -> Done<T>,
    ) -> Result<T, Refused> {
        let done = match self.schedule.begin() {
            None => return Err(killed(tried)),
            Some(Turn::Refuse(errno)) => Err(No::from(errno)),
            Some(Turn::Do | Turn::DoAndDie) => {
                let mut world = self.node.world();
                let done = work(&mut world);
                world.follow_parents();
                done
            }
        };
        if self.schedule.is_dead() { Err(killed(tried)) } else { done.map_err(|no| no.to(tried)) }
    }

    /// One request about one namespace.
    pub(super) fn ask_in<T>(
        &mut self,
        space: Space,
        tried: &dyn Display,
        work: impl FnOnce(&mut Namespace) -> Done<T>,
    ) -> Result<T, Refused> {
        let space = self.sandbox.space(space);
        self.ask(tried, |world| work(world.space_mut(space)?))
    }
}

fn killed(tried: &dyn Display) -> Refused {
    Refused { tried: tried.to_string(), said: "the process was killed".to_owned(), errno: None }
}
