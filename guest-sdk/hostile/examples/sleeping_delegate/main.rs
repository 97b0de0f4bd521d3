//! A delegate that sleeps, and tells what its clocks say.

#[allow(unsafe_code, reason = "generated")]
#[path = "../uses_wasi/sys.rs"]
mod sys;

use multus_guest::{Attachment, Failure};
use serde_json::{Value, json};
use sys::wasi::clocks::{monotonic_clock, wall_clock};
use sys::wasi::io::poll;
use sys::wasi::random::random;

multus_guest::delegate!(sleep);

const MILLISECOND: u64 = 1_000_000;

fn sleep(_: &Attachment, conf: &Value, _: Option<&Value>, _: &()) -> Result<Option<Value>, Failure> {
    let what = conf.get("do").and_then(Value::as_str).unwrap_or_default();
    let start = monotonic_clock::now();
    let ready = match what {
        "nap" => {
            let timers =
                [30, 10, 3_600_000].map(|time| monotonic_clock::subscribe_duration(time * MILLISECOND));
            poll::poll(&timers.each_ref())
        }
        "nap without end" => loop {
            monotonic_clock::subscribe_duration(MILLISECOND).block();
        },
        "sleep" => {
            monotonic_clock::subscribe_duration(3_600_000 * MILLISECOND).block();
            Vec::new()
        }
        "doze without end" => loop {
            monotonic_clock::subscribe_duration(1).block();
        },
        other => return Err(Failure::new(7, format!("cannot {other}"))),
    };
    Ok(Some(json!({
        "ready": ready, "slept": (monotonic_clock::now() - start) / MILLISECOND, "year": wall_clock::now().seconds / 31_557_600 + 1970,
        "random": random::get_random_u64(),
    })))
}
