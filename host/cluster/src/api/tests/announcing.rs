//! Events: told beside the real work, and lost rather than waited for.

use super::double::Reply;
use super::*;

fn added() -> Event {
    Event { warning: false, reason: "AddedInterface", message: "Add net1 from red/storage".to_owned() }
}

/// The pod is answered only after the event came in: telling it went on while we waited.
#[test]
fn an_event_is_told_while_something_else_is_asked() {
    let double = Double::http(|seen, _| match seen.line.starts_with("GET") {
        true => Reply::Once(2, Box::new(Reply::json(POD))),
        false => Reply::json("{}"),
    });
    let source = source(&double, LONG);
    source.announce(&web(Some("u-1")), added());
    assert!(source.pod("red", "web").unwrap().is_some());
    assert_eq!(source.settle(LONG), Vec::<String>::new());
    let event = double.seen().into_iter().find(|seen| seen.line.starts_with("POST")).unwrap();
    assert_eq!(event.line, "POST /api/v1/namespaces/red/events");
    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!(body["reason"], "AddedInterface");
    assert_eq!(body["type"], "Normal");
    assert_eq!(body["involvedObject"]["uid"], "u-1");
    assert_eq!(body["source"]["host"], "node-1");
}

#[test]
fn announcing_alone_waits_for_nothing_and_settling_delivers() {
    let double = Double::http(|_, _| Reply::json("{}"));
    let source = source(&double, LONG);
    for _ in 0..3 {
        source.announce(&web(None), added());
    }
    assert_eq!(double.lines(), Vec::<String>::new());
    assert_eq!(source.settle(LONG), Vec::<String>::new());
    assert_eq!(double.lines().len(), 3);
    assert_eq!(source.settle(Duration::ZERO), Vec::<String>::new(), "there is nothing left");
}

#[test]
fn an_event_outlives_the_deadline_of_the_call() {
    let double = Double::http(|_, _| Reply::json("{}"));
    let source = source(&double, Duration::ZERO);
    source.announce(&web(None), added());
    assert_eq!(source.settle(LONG), Vec::<String>::new());
    // Twice where the first answer was too slow.
    assert!(!double.lines().is_empty());
}

#[test]
fn what_is_lost_is_said_once() {
    let double = Double::http(|_, _| Reply::refuse(403, "events is forbidden"));
    let source = source(&double, LONG);
    source.announce(&web(None), added());
    let [lost] = source.settle(LONG).try_into().unwrap();
    assert!(
        lost.starts_with("event AddedInterface of pod red/web is lost: can't create an event of pod"),
        "{lost}"
    );
    assert!(lost.contains(r#"resources: ["events"], verbs: ["create"]"#), "{lost}");
    assert_eq!(source.settle(LONG), Vec::<String>::new());
}

#[test]
fn settling_is_bounded() {
    let double = Double::http(|_, _| Reply::Silence);
    let source = source(&double, LONG);
    source.announce(&web(None), added());
    source.announce(&web(None), added());
    let begun = Instant::now();
    let lost = source.settle(Duration::from_millis(200));
    assert!(begun.elapsed() < LONG);
    assert_eq!(lost.len(), 2);
    assert!(lost[0].ends_with("it could not be told in time"), "{lost:?}");
}
