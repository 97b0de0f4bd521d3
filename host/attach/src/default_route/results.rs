//! What the attachments' results say once the default routes are settled.

use multus_cni::Error;
use multus_cni::result::{ResultDocument, Route};
use multus_net::{DefaultRoute, Family};

use super::rule::{Rule, Wanted, destination, provides};

/// The results as they are true now, `there` being the pod's default routes. The owner's tells of all that are there,
/// whether its plugins told or not; all others tell of none.
///
/// # Errors
/// Code 6: a result can't be read.
pub(super) fn changed(
    results: &[ResultDocument],
    owner: usize,
    rule: &Rule<'_>,
    there: &[DefaultRoute],
) -> Result<Vec<ResultDocument>, Error> {
    let mut changed = Vec::new();
    for (index, result) in results.iter().enumerate() {
        let mut result = result.clone();
        if index == owner && rule.link().is_none() {
            // An interface of a program's own, such as vhost-user: what is told of it never was the kernel's.
            changed.push(result);
            continue;
        }
        for family in Family::BOTH {
            let routes = if index == owner { told(family, rule, there) } else { Vec::new() };
            result = result.with_default_routes(family == Family::V6, &routes)?;
        }
        changed.push(result);
    }
    Ok(changed)
}

/// First those wanted, in the result's own words. What a router advertises comes and goes, and is nobody's result.
fn told(family: Family, rule: &Rule<'_>, there: &[DefaultRoute]) -> Vec<Route> {
    let wanted = rule.wanted(family).into_iter().filter(|wanted| provides(there, &wanted.route));
    let (routes, mut told): (Vec<DefaultRoute>, Vec<Route>) =
        wanted.map(|Wanted { route, told }| (route, told)).unzip();
    let made = there.iter().filter(|route| route.family == family && !route.is_advertised());
    let untold = made.flat_map(each_hop).filter(|route| !provides(&routes, route));
    // Without a gateway of its own a route has the address's: one over the link alone can't be told beside it.
    told.extend(untold.map(|route| in_words(&route)).filter(|route| rule.gateway_of(route) == route.gw));
    told
}

/// A result has a route for each.
fn each_hop(route: &DefaultRoute) -> impl Iterator<Item = DefaultRoute> {
    route.hops.iter().map(|hop| DefaultRoute::new(route.family, hop.clone(), Some(route.metric)))
}

fn in_words(route: &DefaultRoute) -> Route {
    Route {
        dst: destination(route.family).to_owned(),
        gw: route.hops.first().and_then(|hop| hop.gateway).map(|gateway| gateway.to_string()),
        priority: Some(route.metric).filter(|metric| *metric != route.family.usual_metric()),
        ..Route::default()
    }
}
