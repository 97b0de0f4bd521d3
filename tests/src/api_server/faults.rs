//! What goes wrong because a test ordered it, and how long answers take.

use std::time::Duration;

/// Something that goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this HTTP status and an error object; not done.
    Status(u16),
    /// Answered with status 200 and something that is no JSON; not done.
    Garbage,
    /// The connection is reset; not done.
    Reset,
    /// The request is done, and the connection is reset before the answer.
    AnswerLost,
    /// No answer ever comes; not done.
    Hang,
}

/// What is ordered. Patterns are the words of a request as the log shows it, `PATCH pods/status shop/web`: `*`
/// stands for any word, and words left out at the end match all.
#[derive(Debug, Default)]
pub(super) struct Orders {
    faults: Vec<Order>,
    delays: Vec<(String, Duration)>,
}

#[derive(Debug)]
struct Order {
    pattern: String,
    /// How many requests are still served before it begins.
    after: usize,
    left: usize,
    fault: Fault,
}

impl Orders {
    pub(super) fn fail(&mut self, pattern: &str, after: usize, times: usize, fault: Fault) {
        self.faults.push(Order { pattern: pattern.to_owned(), after, left: times, fault });
    }

    pub(super) fn delay(&mut self, pattern: &str, by: Duration) {
        self.delays.push((pattern.to_owned(), by));
    }

    pub(super) fn clear(&mut self) {
        *self = Orders::default();
    }

    /// How long this request waits: the longest of the delays that match.
    pub(super) fn delay_of(&self, request: &str) -> Duration {
        let matching = self.delays.iter().filter(|(pattern, _)| matches(pattern, request));
        matching.map(|(_, by)| *by).max().unwrap_or_default()
    }

    /// The fault of this request, which is used up by it.
    pub(super) fn take(&mut self, request: &str) -> Option<Fault> {
        for order in self.faults.iter_mut().filter(|order| order.left > 0 && matches(&order.pattern, request))
        {
            if order.after > 0 {
                order.after -= 1;
                continue;
            }
            order.left -= 1;
            return Some(order.fault);
        }
        None
    }
}

fn matches(pattern: &str, request: &str) -> bool {
    let mut words = request.split(' ');
    pattern.split_whitespace().all(|wanted| {
        let found = words.next();
        wanted == "*" || found == Some(wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_word_by_word() {
        let rows = [
            ("", true),
            ("*", true),
            ("PATCH", true),
            ("PATCH pods/status", true),
            ("* * shop/web", true),
            ("PATCH pods", false),
            ("GET", false),
            ("PATCH pods/status shop/other", false),
            ("PATCH pods/status shop/web more", false),
        ];
        for (pattern, expected) in rows {
            assert_eq!(matches(pattern, "PATCH pods/status shop/web"), expected, "{pattern}");
        }
    }

    #[test]
    fn faults_begin_late_and_end() {
        let mut orders = Orders::default();
        orders.fail("GET pods", 1, 2, Fault::Status(503));
        let found: Vec<_> = (0..5).map(|_| orders.take("GET pods shop/web").is_some()).collect();
        assert_eq!(found, [false, true, true, false, false]);
        assert_eq!(orders.take("GET nodes n1"), None);
    }
}
