//! What is done, in order.

use multus_guest::network::Link;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::host::Answer;
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Host, result};
use serde_json::Value;

use crate::conf::Wanted;
use crate::route;

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(conf)?;
    let result = result::before(prev, "sbr", "routes what another plugin attached")?;
    let name = &attachment.interface_name;
    let leases = of_link(&result, name)?;
    if result.ips.is_empty() {
        return Err(Failure::from(format!(
            "the plugin before gave `{name}` no address that could be routed"
        )));
    }
    let link = host
        .find_in_sandbox(name)?
        .ok_or_else(|| Failure::from(format!("the pod has no link `{name}`: the plugin before made none")))?;
    // Those of other tables are somebody's who put them there.
    let routes: Vec<Value> =
        host.routes(&link)?.into_iter().filter(|route| route["table"].is_null()).collect();
    let tables = wanted.tables(leases.len(), &host.routing_tables()?);
    for (lease, table) in leases.iter().zip(tables) {
        host.add_rule(lease.address.addr(), table)?;
        let source = wanted.source_hints.then(|| lease.address.addr());
        for route in of_table(lease, &routes) {
            host.add_route(&link, &route::moved(&route, table, source))?;
        }
    }
    take_away(host, &link, &routes)?;
    Ok(result)
}

/// The addresses of the link; those that name no link are taken for its own.
fn of_link(result: &CniResult, name: &str) -> Answer<Vec<Lease>> {
    let is_other = |at: usize| result.interfaces.get(at).is_some_and(|interface| interface.name != name);
    let leases = Lease::of(result)?.into_iter().zip(&result.ips);
    Ok(leases.filter(|(_, ip)| !ip.interface.is_some_and(is_other)).map(|(lease, _)| lease).collect())
}

/// The default route by the address's gateway, unless the link has that, and the link's routes of the address's network,
/// each after the one that leads to its gateway.
fn of_table(lease: &Lease, routes: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> =
        routes.iter().filter(|route| route::is_of(route, lease.address)).cloned().collect();
    let default = route::default(lease);
    all.extend(
        default.filter(|default| !all.iter().any(|known| route::place(known) == route::place(default))),
    );
    all.sort_by_key(route::is_by_gateway);
    all
}

/// Everything has its place elsewhere by now. Routes to routers go first, so that they come back last.
fn take_away(host: Host, link: &Link, routes: &[Value]) -> Answer<()> {
    let mut routes: Vec<&Value> = routes.iter().collect();
    routes.sort_by_key(|route| !route::is_by_gateway(route));
    routes.into_iter().try_for_each(|route| host.remove_route(link, route))
}
