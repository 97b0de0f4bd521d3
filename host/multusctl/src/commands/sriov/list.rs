//! Which functions there are, and who has them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use multus_net::BootId;
use multus_net::sriov::{Claims, DIRECTORY, PhysicalFunction, Sysfs, Taken, VirtualFunction};
use serde::Serialize;

use crate::console::{Console, Report};
use crate::table;

/// List each virtual function of the node, and who has it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl sriov list
  multusctl sriov list --output json | jq '.[] | select(.holder == null)'")]
pub(crate) struct List {
    /// Where it is written down who has which.
    #[arg(long, value_name = "FOLDER", default_value = DIRECTORY)]
    directory: PathBuf,
    /// What stands for /sys.
    #[arg(long, hide = true, default_value = "/sys")]
    sysfs: PathBuf,
}

/// One function.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    address: String,
    /// The physical function's link, or its address where it has none here.
    physical: String,
    number: u32,
    driver: Option<String>,
    /// Its link, if that is on the node.
    link: Option<String>,
    rdma: Vec<String>,
    representor: Option<String>,
    iommu_group: Option<u32>,
    holder: Option<Holder>,
}

/// Who has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    /// The container, if it is one of ours.
    container: Option<String>,
    interface: Option<String>,
    netns: String,
}

impl List {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let (sysfs, claims) = (Sysfs::at(&self.sysfs), Claims::at(&self.directory));
        let boot = BootId::current()?;
        let mut rows = Vec::new();
        let reading = || format!("can't read {}", self.sysfs.display());
        for physical in sysfs.physical_functions().with_context(reading)? {
            for place in sysfs.virtual_functions(&physical.address).with_context(reading)? {
                let found = sysfs.virtual_function(&place.address).with_context(reading)?;
                let Some(found) = found else { continue };
                let holder = claims.taken(&place.address, &boot)?.map(holder);
                rows.push(row(&physical, found, holder));
            }
        }
        console.show(&Rows(rows))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn row(physical: &PhysicalFunction, found: VirtualFunction, holder: Option<Holder>) -> Row {
    Row {
        address: found.place.address.to_string(),
        physical: physical.links.first().cloned().unwrap_or_else(|| physical.address.to_string()),
        number: found.place.number,
        driver: found.driver,
        link: found.links.into_iter().next(),
        rdma: found.rdma,
        representor: found.representor,
        iommu_group: found.iommu_group,
        holder,
    }
}

fn holder(taken: Taken) -> Holder {
    match taken {
        Taken::ByOthers { netns } => Holder { container: None, interface: None, netns },
        Taken::ByUs(holder) => Holder {
            container: Some(holder.container_id),
            interface: Some(holder.interface),
            netns: holder.netns,
        },
    }
}

#[derive(Debug, Serialize)]
struct Rows(Vec<Row>);

impl Report for Rows {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "no virtual functions on this node\n".to_owned();
        }
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let words = |row: &Row| {
            let holder = row.holder.as_ref().map(|holder| match (&holder.container, &holder.interface) {
                (Some(container), Some(interface)) => format!("container {container} ({interface})"),
                _ => format!("the plugin sriov, for {}", holder.netns),
            });
            vec![
                row.address.clone(),
                row.physical.clone(),
                row.number.to_string(),
                or_none(&row.driver),
                or_none(&row.link),
                or_none(&holder),
            ]
        };
        table::render(&["FUNCTION", "CARD", "#", "DRIVER", "LINK", "HOLDER"], self.0.iter().map(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_one_line_with_who_has_it() {
        let row = |number: u32, holder: Option<Holder>| Row {
            address: format!("0000:03:10.{number}"),
            physical: "ens1".to_owned(),
            number,
            driver: Some("ixgbevf".to_owned()),
            link: holder.is_none().then(|| format!("ens1v{number}")),
            rdma: Vec::new(),
            representor: None,
            iommu_group: None,
            holder,
        };
        let ours = Holder {
            container: Some("c1".to_owned()),
            interface: Some("net1".to_owned()),
            netns: "/run/netns/a".to_owned(),
        };
        let theirs = Holder { container: None, interface: None, netns: "/run/netns/b".to_owned() };
        let text = Rows(vec![row(0, None), row(1, Some(ours)), row(2, Some(theirs))]).text();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["0000:03:10.0", "ens1", "0", "ixgbevf", "ens1v0", "-"]);
        assert_eq!(lines[2][4..], ["-", "container", "c1", "(net1)"]);
        assert_eq!(lines[3][4..], ["-", "the", "plugin", "sriov,", "for", "/run/netns/b"]);
        assert_eq!(Rows(Vec::new()).text(), "no virtual functions on this node\n");
    }
}
