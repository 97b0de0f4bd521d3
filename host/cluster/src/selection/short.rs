//! The comma form: `[namespace/]name[@interface], …` (NP-10).

use multus_document::{Pointer, Problem};

use super::{Selection, element};
use crate::object::NetworkRef;

/// Reads every item; one with problems keeps its place in the list.
pub(super) fn read(text: &str, pod_namespace: &str, problems: &mut Vec<Problem>) -> Vec<Selection> {
    let items = text.split(',').enumerate();
    items.map(|(index, item)| read_item(item.trim(), index, pod_namespace, problems)).collect()
}

fn read_item(item: &str, index: usize, pod_namespace: &str, problems: &mut Vec<Problem>) -> Selection {
    let at = Pointer::root().key(index);
    if item.is_empty() {
        problems.push(Problem::new(at, "an empty item").advise("remove the comma beside it"));
        return Selection::default();
    }
    let (path, interface) = match item.split_once('@') {
        Some((path, interface)) => (path.trim(), Some(interface.trim())),
        None => (item, None),
    };
    let (namespace, name) = match path.split_once('/') {
        Some((namespace, name)) => (namespace.trim(), name.trim()),
        None => (pod_namespace, path),
    };
    if path.contains('/') {
        problems.extend(element::namespace_problem(namespace, at.key("namespace")));
    }
    problems.extend(element::network_name_problem(name, at.key("name")));
    if let Some(interface) = interface.filter(|interface| interface.contains('@')) {
        let message = format!("`{interface}` holds a second `@`");
        problems
            .push(Problem::new(at.key("interface"), message).advise("name one interface for each network"));
    } else if let Some(interface) = interface {
        problems.extend(element::interface_problem(interface, at.key("interface")));
    }
    Selection {
        network: NetworkRef { namespace: namespace.to_owned(), name: name.to_owned() },
        interface: interface.map(str::to_owned),
        ..Selection::default()
    }
}
