//! The forward half of a record: nothing is done that is not written down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod sample;

use std::fs;

use multus_journal::{Effect, Ledger, NotDone, Outcome, Part, StepState};
use sample::{call, key, path, plan, store};

const PART: Part = Part::Step { attachment: 0, step: 0 };

fn claim(key: &str) -> Effect {
    let (directory, network) = ("/var/lib/cni/networks".to_owned(), "storage".to_owned());
    Effect::Claim { directory, network, key: key.to_owned() }
}

#[test]
fn an_effect_is_on_record_while_it_is_done_and_its_end_after_it() {
    let (folder, store) = store();
    let key = key("c1", "eth0");
    let mut writer = store.create(&call(&key)).unwrap();
    writer.append(&plan(&[1])).unwrap();
    let mut ledger = Ledger::new(writer);
    let seen = |what: &str| fs::read_to_string(path(&folder, &key)).unwrap().contains(what);

    let done = ledger.perform(PART, claim("10.0.0.2"), || {
        assert!(seen("10.0.0.2"), "written down before");
        Ok::<_, String>(7)
    });
    assert_eq!(done.unwrap(), 7);
    let failed = ledger.perform(PART, claim("10.0.0.3"), || Err::<(), _>("taken".to_owned()));
    assert!(matches!(failed, Err(NotDone::Effect(why)) if why == "taken"));

    let record = store.open(&key).unwrap().unwrap();
    let effects = &record.attachments[0].steps[0].own.effects;
    let ends: Vec<_> = effects.iter().map(|effect| (effect.sequence, effect.outcome.clone())).collect();
    let failed = Outcome::Failed { message: "taken".to_owned() };
    assert_eq!(ends, [(0, Some(Outcome::Ok)), (1, Some(failed))]);
    assert_eq!(record.attachments[0].step_state(0), StepState::Started);
}

#[test]
fn what_outlives_a_power_cut_is_on_disk_before_and_nothing_is_synced_twice() {
    let (_folder, store) = store();
    let key = key("c1", "eth0");
    let mut writer = store.create(&call(&key)).unwrap();
    writer.append(&plan(&[1])).unwrap();
    let mut ledger = Ledger::new(writer);
    let first = |ledger: &mut Ledger| {
        ledger.sync_plan().unwrap();
        ledger.fsyncs()
    };
    let of_plan = first(&mut ledger);
    assert_eq!(first(&mut ledger), of_plan, "the plan is on disk");
    ledger.perform(PART, claim("10.0.0.2"), || Ok::<_, String>(())).unwrap();
    assert_eq!(
        (ledger.fsyncs(), first(&mut ledger)),
        (of_plan, of_plan),
        "a kernel's effect waits for nothing"
    );
    ledger.perform_lasting(PART, claim("10.0.0.3"), || Ok::<_, String>(())).unwrap();
    assert_eq!(ledger.fsyncs(), of_plan + 1);
}
