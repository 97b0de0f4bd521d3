//! Doing it: in the kernel, in the record, in the results.

use multus_cni::result::{CniResult, ResultDocument};
use multus_cni::{Code, Error};
use multus_journal::{Effect, Entry, Part};
use multus_net::{DefaultRoute, Family, Link, Netns, NetnsError};

use super::rule::{Rule, provides};
use super::{carrier, results};
use crate::plan::{Attachment, Plan};
use crate::steps::{Run, now_ms};

/// Gives the pod's default routes to the attachment that carries `default-route`, and changes the results of all
/// attachments to what is true then. Without such an attachment nothing is done.
///
/// To be called once every attachment was made, before anybody is told of their results.
///
/// # Errors
/// Code 7 for a gateway that can't be reached without a router, code 5 where the system fails. What was done is in
/// the pod's namespace alone, and goes with the links when the ADD is taken back.
pub(crate) fn settle(run: &mut Run<'_>, plan: &Plan, results: &mut Vec<ResultDocument>) -> Result<(), Error> {
    let Some((index, owner, gateways)) = carrier::owner(&plan.attachments) else { return Ok(()) };
    let Some(result) = results.get(index) else { return Ok(()) };
    let of_owner = |error: Error| error.context(&format!("{}: `default-route`", owner.label()));
    let result = result.result()?;
    let netns = run.call.netns()?;
    let links = netns.links().map_err(|error| of_owner(failure(&error, &result, &[])))?;
    let names: Vec<String> = links.iter().map(|link| link.name.clone()).collect();
    let rule = Rule::new(gateways, &owner.interface, &result, &names);
    if rule.link().is_none() && !gateways.is_empty() {
        return Err(of_owner(no_link(owner)));
    }
    let deaf = rule.deaf(&names);
    let before = netns.default_routes().map_err(|error| of_owner(failure(&error, &result, &links)))?;
    let sequence = run.intend(Part::Call, effect(&rule, &before, &deaf))?;
    let done = change(&netns, &rule, &deaf).map_err(|error| of_owner(failure(&error, &result, &links)));
    run.done(sequence, done.as_ref().err())?;
    let changed = results::changed(results, index, &rule, &done?)?;
    record(run, plan, results, &changed)?;
    *results = changed;
    Ok(())
}

/// DEL and CHECK get what stands in the record last.
fn record(
    run: &mut Run<'_>,
    plan: &Plan,
    old: &[ResultDocument],
    new: &[ResultDocument],
) -> Result<(), Error> {
    for ((attachment, old), new) in plan.attachments.iter().zip(old).zip(new) {
        if old.raw().get() != new.raw().get() {
            let result = new.raw().to_string();
            run.write(&Entry::Attached { attachment: attachment.index, at: now_ms(), result })?;
        }
    }
    Ok(())
}

/// What is going to be done, for who reads the record.
fn effect(rule: &Rule<'_>, before: &[DefaultRoute], deaf: &[String]) -> Effect {
    let (kept, lost): (Vec<&DefaultRoute>, Vec<_>) = before.iter().partition(|route| rule.keeps(route));
    let kept: Vec<DefaultRoute> = kept.into_iter().cloned().collect();
    let added = missing(rule, &kept);
    Effect::DefaultRoutes {
        delete: lost.iter().map(ToString::to_string).collect(),
        add: added.iter().map(ToString::to_string).collect(),
        deaf: deaf.to_vec(),
    }
}

fn missing(rule: &Rule<'_>, kept: &[DefaultRoute]) -> Vec<DefaultRoute> {
    let wanted = Family::BOTH.into_iter().flat_map(|family| rule.wanted(family));
    wanted.map(|wanted| wanted.route).filter(|route| !provides(kept, route)).collect()
}

/// Changes the routing tables, and returns the default routes that are there then.
fn change(netns: &Netns, rule: &Rule<'_>, deaf: &[String]) -> Result<Vec<DefaultRoute>, NetnsError> {
    netns.ignore_advertised_routes(deaf)?;
    // Read once more: until now a router may have spoken.
    let (kept, lost): (Vec<_>, Vec<_>) =
        netns.default_routes()?.into_iter().partition(|route| rule.keeps(route));
    for route in &lost {
        netns.delete_route(route)?;
    }
    for route in missing(rule, &kept) {
        // A result may tell of a route twice.
        netns.add_default_route(&route)?;
    }
    netns.default_routes()
}

fn failure(error: &NetnsError, result: &CniResult, links: &[Link]) -> Error {
    let NetnsError::Gateway { gateway, link, .. } = error else {
        return Error::new(Code::Io, error.to_string());
    };
    let addresses = links.iter().find(|found| found.name == *link).map(|found| found.addresses.join(", "));
    let mut facts = match addresses.filter(|addresses| !addresses.is_empty()) {
        Some(addresses) => format!("{link} has {addresses}"),
        None => format!("{link} has no address"),
    };
    let told: Vec<&str> = result.ips.iter().filter_map(|ip| ip.gateway.as_deref()).collect();
    if !told.is_empty() {
        facts = format!("{facts}, its plugins tell of the gateways {}", told.join(", "));
    }
    let advice =
        format!("name a router on that link, or let the network's plugins make a route to {gateway}");
    Error::new(Code::InvalidConfig, error.to_string()).with_details(format!("{facts}: {advice}"))
}

fn no_link(owner: &Attachment) -> Error {
    let message = format!("the network made no link in the pod: there is no `{}`", owner.interface);
    Error::new(Code::InvalidConfig, message)
        .with_details("put `default-route` on a network with an interface in the pod, or write it as `[]`")
}
