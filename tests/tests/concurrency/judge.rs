//! Whether a container is wholly attached or wholly detached, by what the node shows.

use multus_tests::Dump;

/// What a dump says of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Attached,
    Detached,
}

/// What stands in the dump and did not before the first call: one line each.
pub(crate) struct News {
    lines: Vec<String>,
}

impl News {
    pub(crate) fn of(now: &Dump, before: &Dump) -> News {
        let known: Vec<&str> = before.lines().collect();
        let new = now.lines().filter(|line| known.binary_search(line).is_err());
        News { lines: new.map(str::to_owned).collect() }
    }

    /// How many host ends of veth pairs there are.
    pub(crate) fn veths(&self) -> usize {
        self.having(&["netns host: link", "kind veth"]).len()
    }

    /// A container's standing; half of one is a defect.
    pub(crate) fn standing(&self, id: &str) -> Standing {
        let of_it = self.having(&[id]);
        if of_it.is_empty() {
            return Standing::Detached;
        }
        let all = of_it.join("\n");
        for words in [
            [format!("netns {id}: link eth0"), String::new()],
            [format!("leases/green,{id},net1"), format!("/run/netns/{id}")],
            [format!("state/cni/attachments/{id}@eth0"), "committed".into()],
            [format!("state/cni/results/red-{id}-eth0"), String::new()],
            [format!("state/cni/results/green-{id}-net1"), String::new()],
            [format!("state/cni/{id} ("), String::new()],
        ] {
            let found = of_it.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
            assert_eq!(found, 1, "{id} is half attached, {words:?}:\n{all}");
        }
        self.leases_fit(id, &all);
        Standing::Attached
    }

    /// Exactly one lease of the first network: the address that the link has, where it has one.
    fn leases_fit(&self, id: &str, all: &str) {
        let owned = format!("{id}\r\neth0");
        let leases = self.having(&["file state/addresses/red/", &owned]);
        let address = format!("netns {id}: address ");
        let lines = self.having(&[&address]);
        let addresses: Vec<&str> =
            lines.iter().filter_map(|line| line[address.len()..].split('/').next()).collect();
        if addresses.is_empty() {
            assert!(all.contains(&format!("leases/red,{id},eth0")) && leases.is_empty(), "{id}:\n{all}");
            return;
        }
        assert_eq!(addresses.len(), 1, "{id}:\n{all}");
        assert_eq!(leases.len(), 1, "{id}:\n{all}");
        assert!(
            leases[0].starts_with(&format!("file state/addresses/red/{} ", addresses[0])),
            "{id}:\n{all}"
        );
    }

    fn having(&self, words: &[&str]) -> Vec<&str> {
        let lines = self.lines.iter().map(String::as_str);
        lines.filter(|line| words.iter().all(|word| line.contains(word))).collect()
    }
}
