//! `CNI_ARGS` of a delegate: the runtime's words, and what the pod asked for in the old way (`multus.md` 1.11).

use multus_cluster::Selection;
use multus_cni::env::Request;

/// The runtime's `CNI_ARGS` as they stand, then the arguments that upstream gives and the runtime left out:
/// which container this is, and `MAC` and `IP` for plugins that know no capabilities (static IPAM, say). With
/// anything added, plugins are told to ignore what they don't know.
pub(super) fn arguments(request: &Request, selection: Option<&Selection>) -> String {
    let given = |key: &str| request.args.get(key).is_some_and(|value| !value.is_empty());
    let mut added = Vec::new();
    if given("K8S_POD_NAME") && !given("K8S_POD_INFRA_CONTAINER_ID") {
        added.push(format!("K8S_POD_INFRA_CONTAINER_ID={}", request.container_id));
    }
    if let Some(selection) = selection {
        added.extend(selection.mac.as_ref().map(|mac| format!("MAC={mac}")));
        added.extend((!selection.ips.is_empty()).then(|| format!("IP={}", selection.ips.join(","))));
    }
    if added.is_empty() {
        return request.raw_args.clone();
    }
    if !given("IgnoreUnknown") {
        added.insert(0, "IgnoreUnknown=1".to_owned());
    }
    let mut kept: Vec<String> = Vec::new();
    for (key, value) in request.args.iter() {
        // The pod's wish is for this network, the runtime's word for any.
        let replaced = added.iter().any(|pair| pair.split('=').next() == Some(key));
        if !replaced {
            kept.push(format!("{key}={value}"));
        }
    }
    kept.extend(added);
    kept.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_cluster::parse_selections;
    use std::ffi::OsString;

    fn request(args: &str) -> Request {
        let variables = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/bin"),
            ("CNI_ARGS", args),
        ];
        Request::from_env(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
        .unwrap()
    }

    #[test]
    fn the_runtimes_words_come_first_and_count_unless_the_pod_says_otherwise() {
        let pod = "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1";
        let rows = [
            ("", "{}", String::new()),
            (pod, "{}", pod.to_owned()),
            (pod, r#"{"mac":"0a:58:0a:00:00:01"}"#, format!("{pod};MAC=0a:58:0a:00:00:01")),
            (pod, r#"{"ips":["10.0.0.2/24","fd00::2"]}"#, format!("{pod};IP=10.0.0.2/24,fd00::2")),
            ("", r#"{"ips":["10.0.0.2"]}"#, "IgnoreUnknown=1;IP=10.0.0.2".to_owned()),
            ("IP=10.9.9.9;X=a=b", r#"{"ips":["10.0.0.2"]}"#, "X=a=b;IgnoreUnknown=1;IP=10.0.0.2".to_owned()),
            (
                "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web",
                "{}",
                "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=c1"
                    .to_owned(),
            ),
        ];
        for (args, element, expected) in rows {
            let annotation = format!(r#"[{{"name":"a",{}]"#, element.replacen('{', "", 1)).replace(",}", "}");
            let selection = parse_selections(&annotation, "ns").unwrap().remove(0);
            assert_eq!(arguments(&request(args), Some(&selection)), expected, "{args} {element}");
        }
        assert_eq!(arguments(&request(pod), None), pod);
    }
}
