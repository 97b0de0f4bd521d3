//! `delegates`: the networks of every pod, written out in the conf.

use multus_cni::conf::NetworkConf;
use multus_cni::{Version, names};
use multus_document::{Object, Pointer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Delegate;
use super::reader::Reader;

/// What delegates take from the conf around them.
struct Outer<'a> {
    name: &'a str,
    version: Option<String>,
    /// The plain names of delegates so far that had none of their own.
    unnamed: Vec<String>,
}

/// Reads every delegate; one of them is the default network. `None` where there is no such list.
pub(super) fn read(reader: &mut Reader, source: &Object, name: &str) -> Option<Vec<Delegate>> {
    let at = Pointer::root().key("delegates");
    let entries = match source.get("delegates")? {
        Value::Array(entries) if !entries.is_empty() => entries,
        Value::Array(_) | Value::Null => return None,
        other => {
            reader.wrong_kind(&at, &other, "a list of network configurations");
            return Some(Vec::new());
        }
    };
    let default = default_place(reader, &at, &entries);
    let mut outer = Outer {
        // A name that is no name is reported once, not again for every delegate.
        name: if names::check_network_name(name).is_ok() { name } else { "unnamed" },
        // So is a version that is no version.
        version: source
            .read::<String>("cniVersion")
            .filter(|text| Version::parse(text).is_ok_and(Version::is_supported)),
        unnamed: Vec::new(),
    };
    // Read as text, so that the author's spelling is kept.
    let texts = source.read::<Vec<Box<RawValue>>>("delegates").unwrap_or_default();
    let parsed = texts.into_iter().zip(&entries).enumerate().filter_map(|(index, (text, entry))| {
        let at = at.key(index);
        let Ok(entry) = serde_json::from_str::<Object>(text.get()) else {
            reader.wrong_kind(&at, entry, "a network configuration");
            return None;
        };
        let network = delegate(reader, &at, entry, &mut outer)?;
        Some(Delegate { network, default: index == default })
    });
    Some(parsed.collect())
}

/// Whether a delegate is marked as the default network, the way of 2018.
pub(super) fn has_masterplugin(source: &Object) -> bool {
    source.read::<Vec<Value>>("delegates").unwrap_or_default().iter().any(is_master)
}

fn is_master(entry: &Value) -> bool {
    entry.get("masterplugin").and_then(Value::as_bool).unwrap_or(false)
}

/// The `masterplugin`, else the first.
fn default_place(reader: &mut Reader, at: &Pointer, entries: &[Value]) -> usize {
    let marked = entries.iter().enumerate().filter(|(_, entry)| is_master(entry));
    let mut marked = marked.map(|(index, _)| index);
    let default = marked.next().unwrap_or(0);
    for index in marked {
        reader.refuse(
            &at.key(index).key("masterplugin"),
            "a second `masterplugin`",
            "mark one delegate only",
        );
    }
    default
}

fn delegate(
    reader: &mut Reader,
    at: &Pointer,
    mut entry: Object,
    outer: &mut Outer<'_>,
) -> Option<NetworkConf> {
    match entry.get("masterplugin") {
        None | Some(Value::Bool(_)) => entry.remove("masterplugin"),
        Some(other) => reader.wrong_kind(&at.key("masterplugin"), &other, "`true` or `false`"),
    }
    let kind = entry.read::<String>("type").unwrap_or_else(|| "list".to_owned());
    let name = outer.name_for(&kind, entry.contains("name"));
    match NetworkConf::parse(&entry, Some(&name), outer.version.as_deref()) {
        Ok(network) => Some(network),
        Err(problems) => {
            reader.problems.extend(problems.into_iter().map(|problem| problem.below(at.as_str())));
            None
        }
    }
}

impl Outer<'_> {
    /// A name for a delegate that has none, of its own: GC and the cache tell networks apart by name.
    fn name_for(&mut self, kind: &str, named: bool) -> String {
        let plain = format!("{}-{kind}", self.name);
        if names::check_network_name(&plain).is_err() {
            return self.name.to_owned();
        }
        let before = self.unnamed.iter().filter(|name| **name == plain).count();
        if !named {
            self.unnamed.push(plain.clone());
        }
        if before == 0 { plain } else { format!("{plain}-{}", before + 1) }
    }
}
