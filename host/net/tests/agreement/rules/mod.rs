//! What the simulated kernel does, one rule a script. A rule that does not hold on the real one is wrong.

mod addresses;
mod bridge_ports;
mod bridges;
mod dummy;
mod ends;
mod ipvlan;
mod links;
mod macvlan;
mod moves;
mod names;
mod neighbours;
mod other;
mod routes_v4;
mod routes_v6;
mod traffic;
mod undo;
mod vlans;
mod vrf;

use crate::script::Rule;

pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        links::RULES,
        macvlan::RULES,
        ipvlan::RULES,
        vlans::RULES,
        dummy::RULES,
        vrf::RULES,
        bridge_ports::RULES,
        names::RULES,
        addresses::RULES,
        routes_v4::RULES,
        routes_v6::RULES,
        neighbours::RULES,
        bridges::RULES,
        moves::RULES,
        ends::RULES,
        other::RULES,
        traffic::RULES,
        undo::RULES,
    ]
    .into_iter()
    .flatten()
}
