//! By which table packets of the pod are routed: rules for the attachment's own addresses, routes that move to a table.

use std::collections::BTreeSet;

use ipnet::IpNet;
use multus_net::{Effect, PolicyRule, Space};
use multus_wasm::node::{Answer, LinkId};

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{invalid, not_allowed, not_granted};
use super::words;

/// The tables that everything is routed by: `default`, `main`, `local`.
const OF_ALL: std::ops::RangeInclusive<u32> = 253..=255;

/// `routes`.
pub(super) fn routes(node: &ComponentNode, id: LinkId) -> Answer<Vec<String>> {
    let lent = node.lent.get(id)?;
    only_of_pod(lent.link.space, "look at the routes", &lent.link.name)?;
    let routes = node.ask(|backend| backend.routes(&lent.link))?;
    Ok(routes.iter().map(words::of_route).collect())
}

/// `remove-route`.
pub(super) fn remove(node: &mut ComponentNode, id: LinkId, text: &str) -> Answer<()> {
    let lent = node.lent.to_change(id)?;
    only_of_pod(lent.link.space, "remove a route", &lent.link.name)?;
    if lent.origin == Origin::Ensured {
        return Err(not_allowed(&format!("remove a route of the shared `{}`", lent.link.name), ""));
    }
    let wanted = words::route(text)?;
    if wanted.destination.prefix_len() == 0 && !node.grants.default_routes() {
        return Err(not_granted("remove a default route", "\"defaultRoutes\": true"));
    }
    let routes = node.ask(|backend| backend.routes(&lent.link))?;
    let Some(route) = routes.into_iter().find(|there| *there == wanted) else {
        return Err(invalid(format!("`{}` has no route {wanted}", lent.link.name)));
    };
    node.perform(Effect::NoRoute { link: lent.link, route, lasting: lent.origin == Origin::Chained })
}

fn only_of_pod(space: Space, what: &str, name: &str) -> Answer<()> {
    match space {
        Space::Sandbox => Ok(()),
        Space::Host => {
            Err(not_allowed(&format!("{what} of `{name}` on the node"), "only of links of the pod"))
        }
    }
}

/// `routing-tables`.
pub(super) fn tables(node: &ComponentNode) -> Answer<Vec<u32>> {
    let rules = node.ask(|backend| backend.policy_rules())?;
    let mut tables: BTreeSet<u32> = rules.iter().map(|rule| rule.table).collect();
    for link in node.ask(|backend| backend.links(Space::Sandbox))? {
        let link = multus_net::LinkRef::to(Space::Sandbox, &link);
        let routes = node.ask(|backend| backend.routes(&link))?;
        tables.extend(routes.iter().filter_map(|route| route.table));
    }
    Ok(tables.into_iter().collect())
}

/// `add-rule`.
pub(super) fn add_rule(node: &mut ComponentNode, address: &str, table: u32) -> Answer<()> {
    let address = words::address(address)?;
    if table == 0 || OF_ALL.contains(&table) {
        return Err(invalid(format!("{table} is no table of an attachment's: 1 to 252, or from 256")));
    }
    if !node.owns(address)? {
        return Err(not_allowed(
            &format!("route what comes from {address}"),
            "only from addresses of the pod's that IPAM and this attachment gave it",
        ));
    }
    let rules = node.ask(|backend| backend.policy_rules())?;
    let same_family = |rule: &&PolicyRule| rule.source.addr().is_ipv4() == address.is_ipv4();
    // As the kernel chooses: before all but the first. Said here, so that the record can tell the rule from others.
    let second = rules.iter().filter(same_family).nth(1).map_or(0, |rule| rule.priority);
    let Some(priority) = second.checked_sub(1).filter(|priority| *priority > 0) else {
        return Err(invalid(
            "the pod has a rule that is asked before all others: there is no room for one more",
        ));
    };
    node.perform(Effect::PolicyRule { rule: PolicyRule { source: IpNet::from(address), table, priority } })
}
