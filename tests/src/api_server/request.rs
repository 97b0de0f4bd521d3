//! What a request asks for: verb, resource, namespace, name, options.

use std::collections::BTreeMap;
use std::fmt;

use super::resource::{Resource, Resources};
use super::status::ApiError;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

impl Verb {
    /// As RBAC writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        }
    }
}

/// A request on a resource, understood.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) verb: Verb,
    pub(super) resource: Resource,
    /// Empty for what is in none, and for all namespaces.
    pub(super) namespace: String,
    /// Empty for all, and at create.
    pub(super) name: String,
    /// `status`, or empty.
    pub(super) subresource: String,
    pub(super) query: BTreeMap<String, String>,
}

impl Call {
    /// Reads method, path and query.
    pub(super) fn parse(method: &str, path: &str, query: &str, served: &Resources) -> Result<Call, ApiError> {
        let words: Vec<String> = path.split('/').filter(|word| !word.is_empty()).map(decoded).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (group, version, rest) = match words.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(ApiError::no_such_path()),
        };
        let found = |plural: &str| served.find(group, version, plural);
        // `namespaces/x` is an object, `namespaces/x/pods` a place. No resource is called `status`.
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if *plural != "status" => {
                (*namespace, [&[*plural], rest].concat())
            }
            rest => ("", rest.to_vec()),
        };
        let (plural, name, subresource) = match rest.as_slice() {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, subresource] => (*plural, *name, *subresource),
            _ => return Err(ApiError::no_such_path()),
        };
        let resource = found(plural).ok_or_else(ApiError::no_such_path)?.clone();
        let in_vain = !resource.namespaced && !namespace.is_empty();
        let status = subresource == "status" && resource.status_apart;
        if in_vain || !(subresource.is_empty() || status) {
            return Err(ApiError::no_such_path());
        }
        let query = options(query);
        let verb = verb(method, name, &query).ok_or_else(ApiError::method_not_allowed)?;
        Ok(Call {
            verb,
            resource,
            namespace: namespace.into(),
            name: name.into(),
            subresource: subresource.into(),
            query,
        })
    }

    /// `pods`, `pods/status`.
    pub(super) fn resource_name(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.plural.clone(),
            subresource => format!("{}/{subresource}", self.resource.plural),
        }
    }

    /// An option of the URL; empty if it was not given.
    pub(super) fn option(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.option(name), "true" | "1")
    }
}

/// `GET pods shop/web`: verb, resource, object. What tests compare and match.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb.as_str().to_uppercase();
        let place = match (self.namespace.as_str(), self.name.as_str()) {
            ("", "") => "*".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, "") => format!("{namespace}/"),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        write!(f, "{verb} {} {place}", self.resource_name())
    }
}

fn verb(method: &str, name: &str, query: &BTreeMap<String, String>) -> Option<Verb> {
    let watch = query.get("watch").is_some_and(|value| value == "true" || value == "1");
    match (method, name.is_empty()) {
        ("GET", true) if watch => Some(Verb::Watch),
        ("GET", true) => Some(Verb::List),
        ("GET", false) => Some(Verb::Get),
        ("POST", true) => Some(Verb::Create),
        ("PUT", false) => Some(Verb::Update),
        ("PATCH", false) => Some(Verb::Patch),
        ("DELETE", false) => Some(Verb::Delete),
        _ => None,
    }
}

fn options(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(&value.replace('+', " "))))
        .collect()
}

/// `%2F` is `/`. What is not well formed stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%');
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brief(method: &str, path: &str, query: &str) -> Result<String, u16> {
        let mut served = Resources::built_in();
        served.add_networks();
        Call::parse(method, path, query, &served).map(|call| call.to_string()).map_err(|error| error.code)
    }

    #[test]
    fn urls_are_understood() {
        let nads = "/apis/k8s.cni.cncf.io/v1/namespaces/shop/network-attachment-definitions";
        let rows = [
            ("GET", "/api/v1/namespaces/shop/pods/web", "", Ok("GET pods shop/web")),
            ("GET", "/api/v1/namespaces/shop/pods", "", Ok("LIST pods shop/")),
            ("GET", "/api/v1/pods", "watch=true&resourceVersion=3", Ok("WATCH pods *")),
            ("PATCH", "/api/v1/namespaces/shop/pods/web/status", "", Ok("PATCH pods/status shop/web")),
            ("GET", "/api/v1/namespaces/shop", "", Ok("GET namespaces shop")),
            ("PATCH", "/api/v1/namespaces/shop/status", "", Ok("PATCH namespaces/status shop")),
            ("POST", "/api/v1/namespaces/shop/events", "", Ok("CREATE events shop/")),
            ("GET", nads, "", Ok("LIST network-attachment-definitions shop/")),
            ("GET", "/api/v1/namespaces/shop/pods/a%2Fb", "", Ok("GET pods shop/a/b")),
            ("PATCH", &format!("{nads}/red/status"), "", Err(404)),
            ("GET", "/apis/nobody.example/v1/things", "", Err(404)),
            ("GET", "/", "", Err(404)),
            ("POST", "/api/v1/namespaces/shop/pods/web", "", Err(405)),
            ("GET", "/api/v1/namespaces/shop/nodes", "", Err(404)),
        ];
        for (method, path, query, expected) in rows {
            assert_eq!(brief(method, path, query), expected.map(str::to_owned), "{method} {path}?{query}");
        }
    }

    proptest! {
        #[test]
        fn any_url_is_answered(path in "(/[a-z0-9%.]{0,6}){0,7}", query in "[a-z=&%+0-9]{0,20}") {
            let _ = brief("GET", &path, &query);
        }
    }
}
