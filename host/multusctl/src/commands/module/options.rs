//! What the catalog says of a module besides its component, as options.

use anyhow::bail;
use clap::{Args, ValueEnum};
use multus_wasm::{Limits, Role, parse_duration, parse_size};
use serde_json::{Map, Value, json};

/// How a module counts and how much it may use.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Transforms and policies: whether the answer counts [default: enforce].
    #[arg(long, value_enum)]
    mode: Option<ModeName>,
    /// Policies: what counts if it gives no verdict [default: deny].
    #[arg(long, value_enum)]
    on_failure: Option<OnFailureName>,
    /// How much memory one call may use [default: 16Mi].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<String>,
    /// How much CPU time one call may use [default: 100ms, delegates 2s].
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeName {
    /// What it changes is changed, what it refuses is refused.
    Enforce,
    /// What it would change or refuse is logged, and nothing else.
    Monitor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnFailureName {
    /// The attachment is refused.
    Deny,
    /// It is logged and let pass.
    Allow,
}

impl Options {
    /// Refuses what does not belong to the role, before anything is installed.
    pub(super) fn check(&self, role: Role) -> anyhow::Result<()> {
        if role == Role::Delegate && self.mode.is_some() {
            bail!("--mode belongs to transforms and policies, this is a {role}: leave it out");
        }
        if role != Role::Policy && self.on_failure.is_some() {
            bail!("--on-failure belongs to policies, this is a {role}: leave it out");
        }
        Ok(())
    }

    /// The members of the catalog's entry; `limits` only as far as they are given.
    pub(super) fn changes(&self) -> Map<String, Value> {
        let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| json!(value.get_name()));
        let mut limits = Map::new();
        limits.extend(self.memory.as_ref().map(|memory| ("memory".to_owned(), json!(memory))));
        limits.extend(self.timeout.as_ref().map(|timeout| ("timeout".to_owned(), json!(timeout))));
        let members = [
            ("mode", self.mode.and_then(|mode| name(mode.to_possible_value()))),
            ("onFailure", self.on_failure.and_then(|choice| name(choice.to_possible_value()))),
            ("limits", (!limits.is_empty()).then_some(Value::Object(limits))),
        ];
        members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

fn size(text: &str) -> Result<String, String> {
    match parse_size(text) {
        Ok(size) if Limits::MEMORY_RANGE.contains(&size) => Ok(text.to_owned()),
        Ok(_) => Err("write between 64Ki and 1Gi".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn duration(text: &str) -> Result<String, String> {
    match parse_duration(text) {
        Ok(duration) if Limits::TIMEOUT_RANGE.contains(&duration) => Ok(text.to_owned()),
        Ok(_) => Err("write between 1ms and 10s".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Result<Options, String> {
        let words = std::iter::once("x").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_members_of_the_entry() {
        let rows = [
            ("", json!({})),
            ("--mode monitor --on-failure allow", json!({"mode": "monitor", "onFailure": "allow"})),
            ("--memory 32Mi", json!({"limits": {"memory": "32Mi"}})),
            ("--memory 1Gi --timeout 2s", json!({"limits": {"memory": "1Gi", "timeout": "2s"}})),
        ];
        for (line, expected) in rows {
            assert_eq!(Value::Object(options(line).unwrap().changes()), expected, "{line}");
        }
    }

    #[test]
    fn limits_out_of_range_and_options_of_the_other_role_are_refused() {
        for line in
            ["--memory 16", "--memory 1Ki", "--memory 2Gi", "--timeout 5", "--timeout 11s", "--mode off"]
        {
            assert!(options(line).is_err(), "{line}");
        }
        let fits = |line: &str, role| options(line).unwrap().check(role).is_ok();
        let roles = [Role::Transform, Role::Policy, Role::Delegate];
        assert_eq!(roles.map(|role| fits("--mode monitor", role)), [true, true, false]);
        assert_eq!(roles.map(|role| fits("--on-failure deny", role)), [false, true, false]);
    }
}
