//! Bringing lost functions home.

mod held;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use multus_journal::Store;
use multus_net::namespaces::{self, Keeper, Place};
use multus_net::sriov::{Claims, DIRECTORY, Sysfs};
use multus_net::{Backend, BootId, Kernel, PciAddress, Space};
use serde::Serialize;

use crate::conf_file::Records;
use crate::console::{Console, Report};
use crate::table;
use held::Holders;

/// How long somebody may work on a function.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bring virtual functions home that are in a namespace of nobody's
///
/// A function is lost if its link is in another network namespace than the node's and nobody has it on record, or the pod
/// that has it is gone: then a namespace inside of the pod's has it, and a process, an open descriptor, a mount or a socket
/// keeps that. Without --yes they are shown and stay where they are; the exit status is 1 while there are any. What a live
/// pod has by its record or by the plugin `sriov` is left alone. Settings that a pod's function has are taken back by its
/// DEL, or by `multusctl journal undo` and `multusctl journal sweep`, once it is home. Stopped halfway, it is done again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl sriov reclaim
  multusctl sriov reclaim --yes --conf /etc/cni/net.d/00-multus.conf
  multusctl sriov reclaim --yes 0000:03:10.2
  multusctl sriov reclaim --output json | jq '.[] | select(.state == \"lost\").address'")]
pub(crate) struct Reclaim {
    /// Only these, by their PCI addresses; all that are away without.
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<PciAddress>,
    /// Bring them home.
    #[arg(long)]
    yes: bool,
    /// Where it is written down who has which function.
    #[arg(long, value_name = "FOLDER", default_value = DIRECTORY)]
    directory: PathBuf,
    #[command(flatten)]
    records: Records,
}

/// A function that is away from the node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    address: String,
    /// Its name where it was found.
    link: Option<String>,
    /// The number of the namespace, as `/proc/<pid>/ns/net` shows it.
    namespace: Option<u64>,
    /// What keeps that one alive.
    keeper: Option<String>,
    state: State,
    /// Who has it, or why nobody does.
    holder: String,
    /// Its name at home.
    home: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    /// A live pod has it.
    Held,
    /// Nobody has it.
    Lost,
    /// It was brought home.
    Home,
    /// It could not be.
    Stuck,
    /// Its link is in no namespace that was found.
    Missing,
}

impl Row {
    /// One whose link was not found.
    fn missing(address: &PciAddress) -> Self {
        let why = "its link is in no namespace that was found: look from where all of the node's processes are seen";
        Row {
            address: address.to_string(),
            link: None,
            namespace: None,
            keeper: None,
            state: State::Missing,
            holder: "unknown".to_owned(),
            home: None,
            error: Some(why.to_owned()),
        }
    }
}

impl Reclaim {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let mut away = away()?;
        away.retain(|address| self.addresses.is_empty() || self.addresses.contains(address));
        let holders = Holders {
            claims: Claims::at(&self.directory),
            store: Store::new(&self.records.cni_dir()?),
            boot: BootId::current()?,
        };
        let mut rows = Vec::new();
        if !away.is_empty() {
            let places = namespaces::all().context("can't list /proc")?;
            self.search(&places, &away, &holders, console, &mut rows);
            if missing(&away, &rows).next().is_some() {
                let further = namespaces::of_sockets(&places).context("can't list /proc")?;
                self.search(&further, &away, &holders, console, &mut rows);
            }
        }
        let missing: Vec<Row> = missing(&away, &rows).map(Row::missing).collect();
        rows.extend(missing);
        console.show(&Rows(&rows))?;
        let left = |state: State| matches!(state, State::Lost | State::Stuck | State::Missing);
        let left = rows.iter().filter(|row| left(row.state)).count();
        if left > 0 && !self.yes {
            let functions = table::count(left, "function");
            console
                .say(&format!("{functions} lost, nothing was changed: the same with --yes brings them home"));
        }
        Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn search(
        &self,
        places: &[Place],
        away: &Away,
        holders: &Holders,
        console: &Console,
        rows: &mut Vec<Row>,
    ) {
        for place in places {
            match self.search_one(place, away, holders) {
                Ok(found) => rows.extend(found),
                Err(error) => console.say(&format!("warning: {}: {error:#}", keeper(&place.keeper))),
            }
        }
    }

    /// The functions in one namespace, brought home if they may be.
    fn search_one(&self, place: &Place, away: &Away, holders: &Holders) -> anyhow::Result<Vec<Row>> {
        let mut kernel = Kernel::open(Some(&place.path))?;
        let identity = kernel.sandbox()?.filter(|identity| identity.inode == place.inode);
        // It ended meanwhile, and something else is there.
        let Some(identity) = identity else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        for (address, link) in kernel.pci_links(Space::Sandbox)? {
            if !away.contains(&address) {
                continue;
            }
            // Whoever attaches or detaches it holds the lock, so what is found out stays so.
            let locked =
                self.yes.then(|| holders.claims.lock(&address, Instant::now() + PATIENCE)).transpose()?;
            let (state, holder) = match holders.of(&address, &identity)? {
                Ok(holder) => (State::Held, holder),
                Err(why) => (State::Lost, why),
            };
            let mut row = Row {
                address: address.to_string(),
                link: Some(link),
                namespace: Some(place.inode),
                keeper: Some(keeper(&place.keeper)),
                state,
                holder,
                home: None,
                error: None,
            };
            if state == State::Lost && locked.is_some() {
                fetch(&mut kernel, &address, &mut row);
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// Functions whose link is not on the node, and no program has them.
type Away = BTreeSet<PciAddress>;

fn away() -> anyhow::Result<Away> {
    let sysfs = Sysfs::default();
    let home = Kernel::open(None)?.pci_links(Space::Host)?;
    let mut away = Away::new();
    for physical in sysfs.physical_functions().context("can't read /sys")? {
        for place in sysfs.virtual_functions(&physical.address).context("can't read /sys")? {
            let found = sysfs.virtual_function(&place.address).context("can't read /sys")?;
            let drives = found.is_some_and(|found| found.driver.is_some() && !found.is_for_userspace());
            if drives && !home.iter().any(|(address, _)| *address == place.address) {
                away.insert(place.address);
            }
        }
    }
    Ok(away)
}

/// Those that were not found.
fn missing<'a>(away: &'a Away, rows: &'a [Row]) -> impl Iterator<Item = &'a PciAddress> {
    away.iter().filter(|address| !rows.iter().any(|row| row.address == address.as_str()))
}

fn fetch(kernel: &mut Kernel, address: &PciAddress, row: &mut Row) {
    match kernel.fetch_function(address) {
        Ok(Some(name)) => (row.state, row.home) = (State::Home, Some(name)),
        Ok(None) => (row.state, row.error) = (State::Stuck, Some("it went elsewhere just now".to_owned())),
        Err(refused) => (row.state, row.error) = (State::Stuck, Some(refused.to_string())),
    }
}

fn keeper(keeper: &Keeper) -> String {
    match keeper {
        Keeper::Process { pid, name } => format!("process {pid} ({name})"),
        Keeper::Descriptor { pid, name, number } => format!("descriptor {number} of process {pid} ({name})"),
        Keeper::Socket { pid, name, number } => format!("socket {number} of process {pid} ({name})"),
        Keeper::Mount { path, pid } => format!("mount {} seen by process {pid}", path.display()),
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rows<'a>(&'a [Row]);

impl Report for Rows<'_> {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "no virtual function is away from the node\n".to_owned();
        }
        let words = |row: &Row| {
            let state = match (&row.state, &row.home, &row.error) {
                (State::Home, Some(name), _) => format!("home, as {name}"),
                (State::Stuck, _, Some(error)) => format!("stuck: {error}"),
                (State::Missing, _, Some(error)) => format!("missing: {error}"),
                (State::Held, ..) => "left alone".to_owned(),
                _ => "lost".to_owned(),
            };
            let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            vec![row.address.clone(), known(&row.link), known(&row.keeper), row.holder.clone(), state]
        };
        table::render(&["FUNCTION", "LINK", "KEPT BY", "HOLDER", "STATE"], self.0.iter().map(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_one_line_with_what_keeps_it_and_what_became_of_it() {
        let row = |state: State, home: Option<&str>, error: Option<&str>| Row {
            address: "0000:03:10.0".to_owned(),
            link: Some("eth0".to_owned()),
            namespace: Some(7),
            keeper: Some(keeper(&Keeper::Process { pid: 12, name: "sleep".to_owned() })),
            state,
            holder: "nobody".to_owned(),
            home: home.map(ToOwned::to_owned),
            error: error.map(ToOwned::to_owned),
        };
        let rows = [
            row(State::Lost, None, None),
            row(State::Home, Some("dev0"), None),
            row(State::Stuck, None, Some("busy")),
            row(State::Held, None, None),
        ];
        let text = Rows(&rows).text();
        let ends: Vec<_> =
            text.lines().skip(1).map(|line| line.rsplit("nobody").next().unwrap().trim()).collect();
        assert_eq!(ends, ["lost", "home, as dev0", "stuck: busy", "left alone"]);
        assert!(text.lines().nth(1).unwrap().contains("process 12 (sleep)"), "{text}");
        let missing = Rows(&[Row::missing(&"0000:03:10.1".parse().unwrap())]).text();
        assert!(missing.contains("missing: its link is in no namespace that was found"), "{missing}");
        assert_eq!(Rows(&[]).text(), "no virtual function is away from the node\n");
    }
}
