//! Who may do what, by the Roles and bindings that were loaded.

use serde_json::Value;

use super::access::User;
use super::request::Call;
use super::resource::Resources;
use super::status::ApiError;
use super::store::{Key, Store};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Lets a call pass if a rule does.
pub(super) fn authorize(store: &Store, served: &Resources, user: &User, call: &Call) -> Result<(), ApiError> {
    let policy = Policy { store, served };
    if policy.rules_for(user, &call.namespace).any(|rule| allows(rule, call)) {
        return Ok(());
    }
    let place = match call.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let why = format!(
        "User {:?} cannot {} resource {:?} in API group {:?} {place}",
        user.name,
        call.verb.as_str(),
        call.resource_name(),
        call.resource.group
    );
    Err(ApiError::forbidden(&call.resource, &call.name, &why))
}

struct Policy<'a> {
    store: &'a Store,
    served: &'a Resources,
}

impl<'a> Policy<'a> {
    /// All rules that a user has in a namespace.
    fn rules_for(&self, user: &User, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        let everywhere = self.bindings("clusterrolebindings", "");
        let here = if namespace.is_empty() { Vec::new() } else { self.bindings("rolebindings", namespace) };
        let bindings = everywhere.into_iter().chain(here).filter(|binding| binds(binding, user));
        let roles: Vec<&Value> = bindings.filter_map(|binding| self.role(binding, namespace)).collect();
        roles.into_iter().flat_map(|role| role["rules"].as_array().into_iter().flatten())
    }

    fn bindings(&self, plural: &str, namespace: &'a str) -> Vec<&'a Value> {
        let resource = self.served.find(GROUP, "v1", plural).expect("built in");
        self.store.all(resource, namespace).collect()
    }

    fn role(&self, binding: &Value, namespace: &str) -> Option<&'a Value> {
        let reference = &binding["roleRef"];
        let cluster = reference["kind"] == "ClusterRole";
        let plural = if cluster { "clusterroles" } else { "roles" };
        let resource = self.served.find(GROUP, "v1", plural)?;
        self.store.get(&Key::new(resource, namespace, reference["name"].as_str()?))
    }
}

fn binds(binding: &Value, user: &User) -> bool {
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.into_iter().any(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => user.name == name,
            Some("Group") => user.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let namespace = subject["namespace"].as_str().unwrap_or_default();
                user.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    })
}

fn allows(rule: &Value, call: &Call) -> bool {
    let lists = |member: &str, word: &str| {
        let words = rule[member].as_array().into_iter().flatten();
        words.into_iter().any(|found| found == "*" || found == word)
    };
    let subresources = format!("*/{}", call.subresource);
    let named = rule["resourceNames"].as_array().is_none_or(|names| {
        // At create nobody knows the name yet.
        names.is_empty() || names.iter().any(|name| *name == call.name.as_str() && !call.name.is_empty())
    });
    named
        && lists("verbs", call.verb.as_str())
        && lists("apiGroups", &call.resource.group)
        && (lists("resources", &call.resource_name()) || lists("resources", &subresources))
}
