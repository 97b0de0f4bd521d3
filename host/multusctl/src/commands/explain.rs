//! `multusctl explain`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use multus_attach::{Asked, Attachment, Call, Deadlines, Found, Node, Plan, Step};
use multus_cni::env::Command;
use multus_journal::Implementation;
use multus_net::Netns;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::call::CallArgs;
use crate::conf_file;
use crate::console::{Console, Report};
use crate::table::render;

/// Show the complete reviewed plan for a pod: what an ADD would run, with what, and why
///
/// Transforms and policies are run, nothing else is. With a namespace, its links count as taken names. In JSON
/// each delegate has its exact standard input and environment; a chained plugin also gets `prevResult`, the
/// result of the plugin before it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl explain --conf /etc/cni/net.d/00-multus.conf --pod team-red/web
  multusctl explain --conf multus.conf --pod team-red/web -o json | jq -r '.attachments[1].plugins[0].stdin'")]
pub(crate) struct Explain {
    #[command(flatten)]
    call: CallArgs,
}

/// Stands in the environment that is shown when no namespace was named.
const NO_NAMESPACE: &str = "/run/netns/example";

impl Explain {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let conf = conf_file::load(&self.call.conf)?;
        let call = self.call.or_example(NO_NAMESPACE);
        let request = call.request(Command::Add)?;
        let node = Node::new(console);
        let links = self.call.netns_path().map(|path| taken_names(&path)).transpose()?.unwrap_or_default();
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        let plan = multus_attach::explain(&call, &links).context("an ADD would be refused")?;
        console.show(&PlanReport::of(&call, &plan))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn taken_names(netns: &Path) -> anyhow::Result<Vec<String>> {
    let links = Netns::open(netns)?.links()?;
    Ok(links.into_iter().flat_map(|link| [vec![link.name], link.alternative_names].concat()).collect())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanReport {
    pod: Option<String>,
    attachments: Vec<AttachmentReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentReport {
    index: u32,
    interface: String,
    network: String,
    default: bool,
    cni_version: String,
    why: String,
    /// Who asked for it, and where its configuration was found.
    origin: String,
    decisions: Value,
    /// What policies are asked, in the form of a fixture.
    seen: Value,
    plugins: Vec<PluginReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PluginReport {
    #[serde(rename = "type")]
    kind: String,
    implementation: Implementation,
    why: String,
    environment: Map<String, Value>,
    stdin: String,
    /// `prevResult` comes on top.
    chained: bool,
    #[serde(skip)]
    decisions: Vec<String>,
}

impl PlanReport {
    fn of(call: &Call<'_>, plan: &Plan) -> Self {
        let pod = plan.pod.as_ref().map(|pod| format!("{}/{}", pod.namespace, pod.name));
        Self {
            pod,
            attachments: plan
                .attachments
                .iter()
                .map(|attachment| attachment_report(call, plan, attachment))
                .collect(),
        }
    }
}

fn attachment_report(call: &Call<'_>, plan: &Plan, attachment: &Attachment) -> AttachmentReport {
    let decisions = attachment
        .decisions
        .iter()
        .map(|decision| format!("{} {}: {}", decision.role, decision.module, decision.said));
    let mut plugins: Vec<PluginReport> = attachment
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| plugin_report(call, attachment, index, step))
        .collect();
    if let Some(first) = plugins.first_mut() {
        first.decisions = decisions.collect();
    }
    AttachmentReport {
        index: attachment.index,
        interface: attachment.interface.clone(),
        network: attachment.display.clone(),
        default: attachment.default,
        cni_version: attachment.network.cni_version.to_string(),
        why: why(attachment),
        origin: attachment.origin.to_string(),
        decisions: serde_json::to_value(&attachment.decisions).unwrap_or_default(),
        seen: seen(call, plan, attachment),
        plugins,
    }
}

/// What `multusctl module run --plan` asks a module, and what can be kept as a fixture.
fn seen(call: &Call<'_>, plan: &Plan, attachment: &Attachment) -> Value {
    let seen = multus_attach::seen_by_modules(call, plan, attachment);
    let pod = seen.pod.map(|pod| {
        json!({
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
            "serviceAccount": pod.service_account,
            "labels": pod.labels,
            "annotations": pod.annotations,
            "namespaceLabels": pod.namespace_labels,
        })
    });
    let plugins: Vec<Value> =
        attachment.network.plugins.iter().map(|plugin| plugin.object().to_value()).collect();
    json!({
        "containerId": seen.container_id,
        "interface": seen.interface_name,
        "network": seen.network,
        "index": seen.index,
        "defaultNetwork": seen.default_network,
        "pod": pod,
        "context": seen.context,
        "plugins": plugins,
    })
}

/// What the network's name tells already is left out.
fn why(attachment: &Attachment) -> String {
    let origin = &attachment.origin;
    match (attachment.default, origin.asked, &origin.found) {
        (true, Asked::Delegates, _) => "default network".to_owned(),
        (true, ..) => format!("default network, {origin}"),
        (false, asked, Found::Definition(_)) => asked.to_string(),
        (false, ..) => origin.to_string(),
    }
}

fn plugin_report(call: &Call<'_>, attachment: &Attachment, index: usize, step: &Step) -> PluginReport {
    let why = match (&step.implementation, &call.conf.exec.allow) {
        (Implementation::Component { .. }, _) => "a component of the catalog",
        (Implementation::Exec { .. }, Some(_)) => "a binary, `exec.allow` lists it",
        (Implementation::Exec { .. }, None) => "a binary, all are allowed",
    };
    PluginReport {
        kind: step.plugin.clone(),
        implementation: step.implementation.clone(),
        why: why.to_owned(),
        environment: environment(call, attachment),
        stdin: step.stdin.to_string(),
        chained: index > 0,
        decisions: Vec::new(),
    }
}

fn environment(call: &Call<'_>, attachment: &Attachment) -> Map<String, Value> {
    let path: Vec<String> = call.delegate_path().iter().map(|dir| dir.display().to_string()).collect();
    let netns = call.request.netns.as_deref().unwrap_or(Path::new("")).display().to_string();
    let variables = [
        ("CNI_COMMAND", "ADD".to_owned()),
        ("CNI_CONTAINERID", call.request.container_id.clone()),
        ("CNI_NETNS", netns),
        ("CNI_IFNAME", attachment.interface.clone()),
        ("CNI_ARGS", attachment.args.clone()),
        ("CNI_PATH", path.join(":")),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

impl Report for PlanReport {
    fn text(&self) -> String {
        let rows = self.attachments.iter().flat_map(|attachment| {
            attachment.plugins.iter().enumerate().map(|(index, plugin)| row(attachment, index, plugin))
        });
        render(&["#", "INTERFACE", "NETWORK", "PLUGIN", "RUNS", "WHY"], rows)
    }
}

/// `sha256:` and as much of it as people compare; JSON has all of it.
const SHORT_DIGEST: usize = 19;

/// What is true of the whole attachment stands beside its first plugin.
fn row(attachment: &AttachmentReport, index: usize, plugin: &PluginReport) -> Vec<String> {
    let runs = match &plugin.implementation {
        Implementation::Exec { path } => path.clone(),
        Implementation::Component { module, digest, .. } => {
            format!("component {module} ({}…)", digest.get(..SHORT_DIGEST).unwrap_or(digest))
        }
    };
    let [place, interface, network] = match index {
        0 => [attachment.index.to_string(), attachment.interface.clone(), attachment.network.clone()],
        _ => [const { String::new() }; 3],
    };
    let mut why = vec![if index == 0 { attachment.why.clone() } else { "next in the list".to_owned() }];
    why.push(plugin.why.clone());
    why.extend(plugin.decisions.iter().cloned());
    vec![place, interface, network, plugin.kind.clone(), runs, why.join("\n")]
}
