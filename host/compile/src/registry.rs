//! Edits the catalog's text: an entry is added or gets a new digest, everything else stays the operator's.

use multus_wasm::{Catalog, Digest, Module, Role};
use serde_json::{Map, Value, json};

use crate::error::InstallError;
use crate::install::NewModule;

/// The catalog with the module in it, and the module as it reads there. One that is there keeps its settings, limits
/// and place.
pub(crate) fn with_module(
    mut catalog: Value,
    module: &NewModule<'_>,
    digest: &Digest,
) -> Result<(Value, Module), InstallError> {
    if let Some(root) = catalog.as_object_mut() {
        if let Some(modules) = member(root, "modules", json!({})).as_object_mut() {
            let entry = member(modules, module.name, new_entry(module));
            check_same_role(entry, module)?;
            if let Some(entry) = entry.as_object_mut() {
                lay_over(entry, module.entry);
                entry.insert("digest".to_owned(), digest.to_string().into());
            }
        }
        if let Some(key) = module.role.order_key()
            && let Some(order) = member(root, key, json!([])).as_array_mut()
            && !order.contains(&module.name.into())
        {
            order.push(module.name.into());
        }
    }
    let invalid = |problems| InstallError::Invalid { problems };
    let mut read = Catalog::from_value(&catalog).map_err(invalid)?;
    // What is no object has no modules, and was refused.
    let module = read.modules.remove(module.name).ok_or_else(|| invalid(Vec::new()))?;
    Ok((catalog, module))
}

/// The catalog without a module, which also goes from its order.
pub(crate) fn without_module(mut catalog: Value, name: &str) -> Result<Value, InstallError> {
    Catalog::from_value(&catalog).map_err(|problems| InstallError::Invalid { problems })?;
    if let Some(root) = catalog.as_object_mut() {
        if let Some(modules) = root.get_mut("modules").and_then(Value::as_object_mut) {
            modules.shift_remove(name);
        }
        for key in Role::ALL.into_iter().filter_map(Role::order_key) {
            if let Some(order) = root.get_mut(key).and_then(Value::as_array_mut) {
                order.retain(|listed| listed != name);
            }
        }
    }
    Ok(catalog)
}

fn member<'a>(object: &'a mut Map<String, Value>, key: &str, absent: Value) -> &'a mut Value {
    object.entry(key).or_insert(absent)
}

fn new_entry(module: &NewModule<'_>) -> Value {
    let mut entry = Map::new();
    entry.insert("role".to_owned(), module.role.name().into());
    entry.insert("digest".to_owned(), Value::Null);
    if module.role == Role::Transform {
        entry.insert("mayChange".to_owned(), json!([]));
    }
    Value::Object(entry)
}

fn lay_over(entry: &mut Map<String, Value>, members: &Map<String, Value>) {
    for (key, value) in members {
        match (entry.get_mut(key).and_then(Value::as_object_mut), value) {
            (Some(old), Value::Object(more)) if key == "limits" => old.extend(more.clone()),
            _ => drop(entry.insert(key.clone(), value.clone())),
        }
    }
}

fn check_same_role(entry: &Value, module: &NewModule<'_>) -> Result<(), InstallError> {
    let found =
        Role::ALL.into_iter().find(|role| entry.get("role").and_then(Value::as_str) == Some(role.name()));
    match found {
        Some(found) if found != module.role => {
            Err(InstallError::OtherRole { name: module.name.to_owned(), found })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

    fn module(name: &'static str, role: Role) -> NewModule<'static> {
        NewModule { name, role, component: b"", entry: &NOTHING }
    }

    fn with_module(catalog: Value, module: &NewModule<'_>, digest: &Digest) -> Result<Value, InstallError> {
        super::with_module(catalog, module, digest).map(|(catalog, _)| catalog)
    }

    #[test]
    fn members_go_over_the_entry_and_leave_the_rest() {
        let first = json!({"limits": {"memory": "8Mi"}, "settings": {"a": 1}});
        let second = json!({"mode": "monitor", "limits": {"timeout": "1s"}, "settings": {"b": 2}});
        let with = |catalog, members: &Value| {
            let new = NewModule { entry: members.as_object().unwrap(), ..module("guard", Role::Policy) };
            with_module(catalog, &new, &Digest::of(b"1"))
        };
        let catalog = with(with(json!({}), &first).unwrap(), &second).unwrap();
        let entry = &catalog["modules"]["guard"];
        assert_eq!(entry["limits"], json!({"memory": "8Mi", "timeout": "1s"}));
        assert_eq!((&entry["mode"], &entry["settings"]), (&json!("monitor"), &json!({"b": 2})));
        assert!(with(catalog, &json!({"mayChange": ["/mtu"]})).is_err());
    }

    #[test]
    fn a_new_module_stands_last_and_an_old_one_keeps_what_the_operator_wrote() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut catalog = with_module(json!({}), &module("guard", Role::Policy), &one).unwrap();
        catalog["modules"]["guard"]["mode"] = "monitor".into();
        let members = json!({"mayChange": ["/mtu"]});
        let jumbo = NewModule { entry: members.as_object().unwrap(), ..module("jumbo", Role::Transform) };
        let catalog = with_module(catalog, &jumbo, &one).unwrap();
        let catalog = with_module(catalog, &module("guard", Role::Policy), &two).unwrap();
        let expected = json!({
            "modules": {
                "guard": { "role": "policy", "digest": two.to_string(), "mode": "monitor" },
                "jumbo": { "role": "transform", "digest": one.to_string(), "mayChange": ["/mtu"] },
            },
            "policies": ["guard"],
            "transforms": ["jumbo"],
        });
        assert_eq!(catalog, expected);
    }

    #[test]
    fn a_delegate_needs_no_order_and_comes_with_its_grants() {
        let members = json!({"grants": {"links": ["cni0"]}, "limits": {"timeout": "5s"}});
        let new = NewModule { entry: members.as_object().unwrap(), ..module("bridge", Role::Delegate) };
        let (catalog, read) = super::with_module(json!({}), &new, &Digest::of(b"1")).unwrap();
        let entry = json!({
            "role": "delegate", "digest": Digest::of(b"1").to_string(),
            "grants": {"links": ["cni0"]}, "limits": {"timeout": "5s"},
        });
        assert_eq!(catalog, json!({"modules": {"bridge": entry}}));
        assert!(read.grants.links_match("cni0") && !read.grants.links_match("eth0"));
    }

    #[test]
    fn a_module_goes_with_its_place_and_the_others_stay() {
        let digest = Digest::of(b"1");
        let guard = with_module(json!({}), &module("guard", Role::Policy), &digest).unwrap();
        let both = with_module(guard.clone(), &module("jumbo", Role::Transform), &digest).unwrap();
        let left = without_module(both.clone(), "jumbo").unwrap();
        assert_eq!(left["modules"], guard["modules"]);
        assert_eq!((&left["policies"], &left["transforms"]), (&json!(["guard"]), &json!([])));
        assert_eq!(without_module(both.clone(), "nobody").unwrap(), both);
        assert!(without_module(json!({"policies": ["x"]}), "x").is_err(), "broken as it is");
    }

    #[test]
    fn a_name_does_not_change_its_role_and_a_broken_catalog_is_not_touched() {
        let digest = Digest::of(b"1");
        let catalog = with_module(json!({}), &module("guard", Role::Policy), &digest).unwrap();
        let error = with_module(catalog, &module("guard", Role::Transform), &digest).unwrap_err();
        assert!(error.to_string().contains("is a policy in the catalog"), "{error}");
        for broken in [json!([]), json!({"modules": 1}), json!({"policies": {}}), json!({"policies": ["x"]})]
        {
            let error = with_module(broken.clone(), &module("guard", Role::Policy), &digest).unwrap_err();
            assert!(matches!(error, InstallError::Invalid { .. }), "{broken}: {error}");
        }
    }
}
