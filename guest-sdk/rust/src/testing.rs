//! Trying a crate's functions with its fixtures, natively. What `fixtures!` makes calls these.

use std::cell::RefCell;

use multus_fixtures::{Answer, Double, Given, Role, Work};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Attachment, Failure, Plugin, Pod, Verdict, glue, native};

pub use multus_fixtures::{Asked, Fixture, read_folder, run, same_schema};

thread_local! {
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A line that a module logs.
pub(crate) fn logged(line: &str) {
    LOG.with_borrow_mut(|log| log.push(line.to_owned()));
}

/// Makes a test of a crate's functions that asks them what its fixtures say, in the folder `fixtures`: the ones that
/// `multusctl module test` asks the component. Write `transform = function`, `policy = function` or `delegate = function`.
#[macro_export]
macro_rules! fixtures {
    ($role:ident = $function:path) => {
        #[cfg(test)]
        #[test]
        fn it_answers_as_its_fixtures_say() {
            $crate::testing::run(env!("CARGO_MANIFEST_DIR"), |given| {
                $crate::testing::$role($function, given)
            });
        }
    };
}

/// Asks a transform.
pub fn transform<S: DeserializeOwned>(
    function: impl Fn(&Attachment, &mut Plugin, &S) -> Result<(), Failure>,
    given: &Given,
) -> Asked {
    asked(given, || {
        let Work::Transform(plugin) = &given.work else { return other_role(given, Role::Transform) };
        let answer = glue::transform(function, &attachment(given), &plugin.to_string(), &given.settings());
        match answer {
            Ok(text) => Answer::transformed(plugin, &text, &given.may_change()),
            Err(failure) => failed(&failure),
        }
    })
}

/// Asks a policy.
pub fn policy<P: DeserializeOwned, S: DeserializeOwned>(
    function: impl Fn(&Attachment, &[P], &S) -> Verdict,
    given: &Given,
) -> Asked {
    asked(given, || {
        let Work::Policy(plugins) = &given.work else { return other_role(given, Role::Policy) };
        let plugins: Vec<String> = plugins.iter().map(ToString::to_string).collect();
        Answer::Verdict(match glue::review(function, &attachment(given), &plugins, &given.settings()) {
            Verdict::Allow => multus_fixtures::Verdict::Allow,
            Verdict::Warn(reason) => multus_fixtures::Verdict::Warn(reason),
            Verdict::Deny(reason) => multus_fixtures::Verdict::Deny(reason),
        })
    })
}

/// Asks a delegate.
pub fn delegate<C, P, S, R>(
    function: impl Fn(&Attachment, &C, Option<&P>, &S) -> Result<Option<R>, Failure>,
    given: &Given,
) -> Asked
where
    C: DeserializeOwned,
    P: DeserializeOwned,
    S: DeserializeOwned,
    R: Serialize,
{
    asked(given, || {
        let Work::Delegate { config, before, .. } = &given.work else {
            return other_role(given, Role::Delegate);
        };
        let before = before.as_ref().map(ToString::to_string);
        let settings = given.settings();
        match glue::add(function, &attachment(given), &config.to_string(), before.as_deref(), &settings) {
            Ok(result) => Answer::Result(result.and_then(|text| serde_json::from_str(&text).ok())),
            Err(failure) => failed(&failure),
        }
    })
}

fn asked(given: &Given, ask: impl FnOnce() -> Answer) -> Asked {
    LOG.take();
    let world = match &given.work {
        Work::Delegate { world, .. } => Some(Double::of(world)),
        Work::Transform(_) | Work::Policy(_) => None,
    };
    native::lend(world.unwrap_or_default());
    let answer = ask();
    let host = native::take_back().unwrap_or_default();
    Asked { answer, log: LOG.take(), calls: host.calls().to_vec(), leases: host.leases().clone() }
}

fn failed(failure: &Failure) -> Answer {
    Answer::failed(failure.code, &failure.message, &failure.details)
}

fn other_role(given: &Given, role: Role) -> Answer {
    Answer::failed(999, &format!("a fixture for a {}, and this is a {role}", given.role()), "")
}

fn attachment(given: &Given) -> Attachment {
    let from = &given.attachment;
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let pod = |pod: &multus_fixtures::Pod| Pod {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        service_account: pod.service_account.clone(),
        labels: pairs(&pod.labels),
        annotations: pairs(&pod.annotations),
        namespace_labels: pairs(&pod.namespace_labels),
    };
    Attachment {
        container_id: from.container_id.clone(),
        interface_name: from.interface_name.clone(),
        network: from.network.clone(),
        index: from.index,
        default_network: from.default_network,
        pod: from.pod.as_ref().map(pod),
        context: from.context.to_string(),
    }
}
