//! A pod's plan, as `multusctl explain` writes it, as questions to a module.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use multus_document::json as document;
use multus_fixtures::Fixture;
use multus_wasm::Role;
use serde_json::{Map, Value, json};

use crate::text_file;

/// What a module is asked about: fixtures, or the networks of a pod.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct About {
    /// The fixture; each case of it is a call.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// A pod's plan, the output of `multusctl explain -o json`: each of its networks is a call, for transforms each of their
    /// plugins.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

/// What the catalog would say of the module, for a plan.
#[derive(Debug, Args)]
pub(super) struct Entry {
    /// With --plan: a JSON file with the settings that the module gets.
    #[arg(long, value_name = "FILE", conflicts_with = "fixture")]
    settings: Option<PathBuf>,
    /// With --plan, transforms: a JSON pointer that it may change; may be repeated.
    #[arg(long, value_name = "POINTER", conflicts_with = "fixture")]
    may_change: Vec<String>,
}

impl About {
    /// The calls to make of a module that has these roles.
    ///
    /// # Errors
    /// A file that can't be read, or that is neither of both.
    pub(super) fn cases(&self, entry: &Entry, roles: &[Role]) -> anyhow::Result<Vec<Fixture>> {
        match (&self.fixture, &self.plan) {
            (Some(fixture), _) => multus_fixtures::read(fixture),
            (None, Some(plan)) => entry.cases(plan, roles),
            (None, None) => bail!("name what to ask about with --fixture or --plan"),
        }
    }
}

impl Entry {
    fn cases(&self, path: &Path, roles: &[Role]) -> anyhow::Result<Vec<Fixture>> {
        let plan: Value = document::parse(&text_file::read(path)?).with_context(|| {
            format!("the plan {}: it is what `multusctl explain -o json` prints", path.display())
        })?;
        let attachments = plan.get("attachments").and_then(Value::as_array);
        let attachments: Option<Vec<&Map<String, Value>>> = attachments
            .map(|all| all.iter().map(|one| one.get("seen").and_then(Value::as_object)).collect())
            .unwrap_or_default();
        let Some(attachments) = attachments else {
            bail!("{} is no plan: write one with `multusctl explain -o json`", path.display());
        };
        let mut more = Map::new();
        if let Some(settings) = &self.settings {
            let value: Value = document::parse(&text_file::read(settings)?)
                .with_context(|| format!("the settings {}", settings.display()))?;
            more.insert("settings".to_owned(), value);
        }
        let cases: Vec<Value> = roles
            .iter()
            .flat_map(|role| attachments.iter().map(move |seen| (role, *seen)))
            .flat_map(|(role, seen)| self.of_role(*role, seen))
            .map(|mut case| {
                case.extend(more.clone());
                Value::Object(case)
            })
            .collect();
        if cases.is_empty() {
            bail!(
                "nothing of this plan is a question to a {}: a delegate's plan is carried out by `multusctl attach`",
                roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or a ")
            );
        }
        multus_fixtures::of_list(path, &cases)
    }

    /// A policy is asked about all plugins at once, a transform about each.
    fn of_role(&self, role: Role, seen: &Map<String, Value>) -> Vec<Map<String, Value>> {
        let text = |key: &str| seen.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} ({})", text("interface"), text("network"));
        let named = |members: &[(&str, Value)]| {
            let mut case = seen.clone();
            case.shift_remove("plugins");
            case.extend(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            case
        };
        let plugins = seen.get("plugins").and_then(Value::as_array).cloned().unwrap_or_default();
        match role {
            Role::Policy => vec![named(&[("name", json!(name)), ("plugins", json!(plugins))])],
            Role::Transform => plugins
                .iter()
                .map(|plugin| {
                    let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
                    let name = json!(format!("{name}, {kind}"));
                    named(&[
                        ("name", name),
                        ("plugin", plugin.clone()),
                        ("mayChange", json!(self.may_change)),
                    ])
                })
                .collect(),
            Role::Delegate => Vec::new(),
        }
    }
}
