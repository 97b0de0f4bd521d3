//! A rule as a script: effects with their outcomes, and what is there afterwards.
//!
//! ```text
//! EFFECT                      succeeds
//! EFFECT ! EEXIST             is refused with this number, and nothing is done; with one of `EEXIST|EBUSY` where kernels differ
//! drop pod.10 10.0.0.1/24     the back end's `drop_address`
//! settle pod.10               the back end's `settle`
//! delete node.20              somebody else deletes a link
//! end                         the pod's namespace ends
//! other EFFECT                somebody else does it: nobody takes it back
//! forget                      what was done so far is somebody else's
//! undo                        everything that succeeded is taken back, undo of each by itself included
//! compare EFFECT              nothing of it has changed; with `! words` these words are in what has
//! ? pod = lo eth0             names of links
//! ? pod.10 = eth0 02:… mtu 1500 up [10.0.0.1/24]
//! ? routes pod.10 = …         ? neighbours pod.10 = …        ? sysctl pod KEY = …
//! ? vlans node.20 = 1 pvid untagged, 200-299     ? vrfs = blue 5     ? filtering node.5 = true
//! ? end pod.10 = veth0        ? rules = 100: from 10.0.0.1/32 lookup 7
//! ```

use std::time::{Duration, Instant};

use multus_net::{Effect, Refused, Space};
use nix::errno::Errno;

use crate::stage::Stage;
use crate::view;
use crate::words::Words;

/// A rule that both kinds of nodes follow.
pub(crate) struct Rule {
    pub(crate) says: &'static str,
    pub(crate) script: &'static str,
}

/// How long an effect may take.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// `EEXIST`; `ok` for success.
pub(crate) fn outcome(done: &Result<(), Refused>) -> String {
    match done {
        Ok(()) => "ok".to_owned(),
        Err(refused) => {
            refused.errno.map_or("unknown".to_owned(), |errno| format!("{:?}", Errno::from_raw(errno)))
        }
    }
}

/// Plays a rule; what is not as it says.
pub(crate) fn play(stage: &mut dyn Stage, rule: &Rule) -> Result<(), String> {
    let mut done = Vec::new();
    for line in rule.script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        act(stage, line, &mut done).map_err(|why| format!("{}\n    {line}\n    {why}", rule.says))?;
    }
    Ok(())
}

fn act(stage: &mut dyn Stage, line: &str, done: &mut Vec<Effect>) -> Result<(), String> {
    if let Some(question) = line.strip_prefix("? ") {
        let (what, expected) = question.split_once('=').expect("? what = text");
        return expect(&ask(stage, what), expected.trim());
    }
    let (words, expected) = line.split_once('!').map_or((line, "ok"), |(words, errno)| (words, errno.trim()));
    let mut words = Words::new(words);
    match words.next() {
        "drop" => {
            let (link, address) = (words.link(), words.parse());
            expect(&outcome(&stage.backend().drop_address(&link, address)), expected)
        }
        "settle" => expect(&outcome(&stage.backend().settle(&words.link(), soon())), expected),
        "delete" => {
            stage.delete(&words.link());
            Ok(())
        }
        "other" => {
            let effect = words.effect(stage.backend());
            expect(&outcome(&stage.backend().apply(&effect, soon())), expected)
        }
        "forget" => {
            done.clear();
            Ok(())
        }
        "end" => {
            stage.end();
            Ok(())
        }
        "undo" => {
            let failed = stage.backend().undo(&done.iter().collect::<Vec<_>>(), soon());
            done.clear();
            if failed.is_empty() { Ok(()) } else { Err(format!("{failed:?}")) }
        }
        "compare" => {
            let effect = words.effect(stage.backend());
            let differs = stage.backend().compare(&effect).map_err(|refused| refused.to_string())?;
            match differs {
                None => expect("ok", expected),
                Some(differs) if differs.contains(expected) => Ok(()),
                Some(differs) => expect(&differs, expected),
            }
        }
        _ => {
            let mut words = Words::new(line.split('!').next().unwrap_or(line));
            let effect = words.effect(stage.backend());
            assert!(words.is_empty(), "`{line}` has words too many");
            effect_done(stage, effect, expected, done)
        }
    }
}

fn effect_done(
    stage: &mut dyn Stage,
    effect: Effect,
    expected: &str,
    done: &mut Vec<Effect>,
) -> Result<(), String> {
    let before = view::everything(stage.backend());
    let result = stage.backend().apply(&effect, soon());
    let told = outcome(&result);
    let as_expected =
        if expected.split('|').any(|one| one == told) { Ok(()) } else { expect(&told, expected) };
    as_expected.map_err(|why| match &result {
        Err(refused) => format!("{why}: {refused}"),
        Ok(()) => why,
    })?;
    stage.settle();
    if result.is_ok() {
        done.push(effect);
        return Ok(());
    }
    expect(&view::everything(stage.backend()).join("\n"), &before.join("\n"))
}

fn ask(stage: &mut dyn Stage, what: &str) -> String {
    let node = stage.backend();
    let mut words = Words::new(what);
    match words.next() {
        "routes" => view::routes(node, &words.link()).join("; "),
        "neighbours" => view::neighbours(node, &words.link()).join("; "),
        "vlans" => {
            let all = node.vlans(&words.link()).unwrap();
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        "vrfs" => {
            let all = node.vrfs().unwrap();
            all.iter().map(|(link, table)| format!("{} {table}", link.name)).collect::<Vec<_>>().join(", ")
        }
        "end" => {
            let found = node.other_end(&words.link()).unwrap();
            found.map_or("nothing".to_owned(), |found| found.name)
        }
        "rules" => {
            let all = node.policy_rules().unwrap();
            let ours = all.iter().filter(|rule| rule.source.prefix_len() > 0);
            ours.map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        "filtering" => node.tells_vlans_apart(&words.link()).unwrap().to_string(),
        "sysctl" => {
            let (space, key) = (words.space(), words.next());
            node.sysctl(space, key).unwrap_or_else(|refused| outcome(&Err(refused)))
        }
        "pod" => names(node, Space::Sandbox),
        "node" => names(node, Space::Host),
        place => {
            let link = Words::new(place).link();
            let found = node.link_at(link.space, link.index).unwrap();
            found.map_or("nothing".to_owned(), |found| {
                format!("{} [{}]", view::line(&found), found.addresses.join(" "))
            })
        }
    }
}

fn names(node: &mut dyn multus_net::Backend, space: Space) -> String {
    let links = node.links(space).unwrap();
    links.into_iter().map(|link| link.name).collect::<Vec<_>>().join(" ")
}

fn expect(found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("is {found}\n    not {expected}")) }
}
