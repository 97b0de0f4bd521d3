//! A pod `shop/web`, its node, and what is asked of them.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use multus_tests::{Checks, Node, Pod, Recorded, binaries, ip, network_object, pod_object};
use serde_json::{Value, json};

/// The key of a pod's selection.
pub(crate) const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";

/// A node with the recording delegate as default network `default` (plugin `alpha`), and a pod with nothing yet.
pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) pod: Pod,
    pub(crate) conf: Value,
    objects: Vec<Value>,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        static PODS: AtomicUsize = AtomicUsize::new(0);
        let node = Node::new();
        let conf = node.conf(json!([node.network("default", "alpha")]));
        let pod = node.pod(&format!("web{}", PODS.fetch_add(1, Ordering::Relaxed))).named("shop", "web");
        let mut scene = Scene { node, pod, conf, objects: vec![pod_object("shop", "web", "")] };
        scene.conf["manifests"] = json!(scene.node.manifests(&[]));
        scene.conf["confDir"] = json!(scene.node.scratch("net.d"));
        fs::create_dir(scene.node.scratch("net.d")).unwrap();
        scene
    }

    /// The pod asks for these networks.
    pub(crate) fn asking(self, networks: impl ToString) -> Scene {
        self.annotated(NETWORKS, networks)
    }

    /// The pod has an annotation.
    pub(crate) fn annotated(mut self, key: &str, value: impl ToString) -> Scene {
        self.objects[0]["metadata"]["annotations"][key] = json!(value.to_string());
        self
    }

    /// A definition in `shop`: the recording delegate, under the definition's name, with further members.
    pub(crate) fn network(self, name: &str, further: Value) -> Scene {
        let conf = with(&self.node.network(name, name), &further);
        self.definition("shop", name, &conf)
    }

    /// A definition with exactly this configuration.
    pub(crate) fn definition(self, namespace: &str, name: &str, conf: &Value) -> Scene {
        let object = network_object(namespace, name, conf);
        self.object(object)
    }

    /// Any object.
    pub(crate) fn object(mut self, object: Value) -> Scene {
        self.objects.push(object);
        self
    }

    /// A key of the multus conf.
    pub(crate) fn set(mut self, key: &str, value: Value) -> Scene {
        self.conf[key] = value;
        self
    }

    /// The node's default network is another.
    pub(crate) fn default_network(self, conf: &Value) -> Scene {
        self.set("delegates", json!([conf]))
    }

    /// A file in `confDir`.
    pub(crate) fn file(self, name: &str, content: impl ToString) -> Scene {
        fs::write(self.node.scratch("net.d").join(name), content.to_string()).unwrap();
        self
    }

    /// ADD succeeds; its result.
    pub(crate) fn attached(&self) -> Value {
        self.ready();
        self.node.add(&self.pod, &self.conf).result()
    }

    /// The manifests are written.
    pub(crate) fn ready(&self) {
        self.node.manifests(&self.objects);
    }

    /// ADD is refused before anything runs, with these words, and leaves nothing.
    pub(crate) fn refused(&self, words: &[&str]) {
        self.ready();
        let before = self.node.state();
        self.failed(words);
        assert_eq!(self.node.briefs(), [""; 0], "nothing runs for a pod that is refused");
        self.node.state().must_equal(&before);
    }

    /// ADD fails with these words.
    pub(crate) fn failed(&self, words: &[&str]) {
        self.ready();
        let error = self.node.add(&self.pod, &self.conf).error();
        let said = format!("{} {}", error.msg, error.details);
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in: {said}");
        assert_eq!(self.status(), None, "no status of a pod that failed");
    }

    /// DEL succeeds and leaves the node as it was.
    pub(crate) fn detached(&self) {
        self.node.del(&self.pod, &self.conf).succeeded();
        assert!(!self.node.path("leases").exists(), "no delegate holds anything");
    }

    /// The network-status that was written.
    pub(crate) fn status(&self) -> Option<Value> {
        let text = fs::read(self.node.path("manifests/network-status/shop/web.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// What delegates were called for: `ADD alpha eth0`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.node.briefs()
    }

    /// The ADD of the delegate of this name.
    pub(crate) fn add_of(&self, plugin: &str) -> Recorded {
        let found = self.node.recorded().into_iter().find(|call| call.verb == "ADD" && call.plugin == plugin);
        found.unwrap_or_else(|| panic!("no ADD of {plugin} in {:?}", self.calls()))
    }

    /// The network namespace's name, for `ip -n`.
    pub(crate) fn netns(&self) -> &str {
        &self.pod.container_id
    }
}

/// A selection with one element of network `red` that has this field.
pub(crate) fn red_with(field: &str, value: &Value) -> Value {
    json!([{ "name": "red", field: value }])
}

/// A value that is no value of its field is refused, naming the field; where the letter of the specification is
/// wanted, the pod gets its default network alone.
pub(crate) fn invalid(row: &mut Checks, field: &str, capability: &str, value: &Value) {
    let scene = || Scene::new().network("red", capabilities(&[capability])).asking(red_with(field, value));
    row.check(format!("{field}: {value} is refused"), || scene().refused(&["/0/", field]));
    row.check(format!("{field}: {value} is ignored if the conf says so"), || {
        let scene = scene().set("onInvalidSelection", json!("ignore"));
        scene.attached();
        assert_eq!(scene.calls(), ["ADD alpha eth0"]);
        assert_eq!(scene.status().unwrap().as_array().unwrap().len(), 1);
    });
}

/// A wish that no plugin of the network can fulfil fails the pod.
pub(crate) fn needs_capability(row: &mut Checks, field: &str, capability: &str, value: &Value) {
    for declared in [json!({}), json!({ "capabilities": { capability: false } })] {
        row.check(format!("without the capability {capability} ({declared}) the pod fails"), || {
            let scene = Scene::new().network("red", declared.clone()).asking(red_with(field, value));
            scene.refused(&["shop/red", field, &format!("`{capability}`")]);
        });
    }
}

/// The member `capabilities` of a plugin.
pub(crate) fn capabilities(names: &[&str]) -> Value {
    let names = names.iter().map(|name| ((*name).to_owned(), json!(true)));
    json!({ "capabilities": Value::Object(names.collect()) })
}

/// An object with further members, which replace those of the same name.
pub(crate) fn with(conf: &Value, further: &Value) -> Value {
    let mut conf = conf.clone();
    conf.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    conf
}

/// A check with plugins that make links and routes, where this machine has them.
pub(crate) fn with_links(row: &mut Checks, name: &str, check: impl FnOnce(Scene)) {
    if binaries::reference_plugins().is_none() {
        return row.leave_out(name, "there are no reference CNI plugins on this machine");
    }
    row.check(name, || {
        let scene = Scene::new();
        assert!(
            scene.node.install_reference(&["bridge", "host-local", "static"]),
            "they were found a moment ago"
        );
        check(scene);
    });
    remove_bridges();
}

/// What a bridge still gets from the kernel would be seen in a later check.
fn remove_bridges() {
    let bridges: Vec<Value> = serde_json::from_str(&ip("-j link show type bridge")).unwrap_or_default();
    for name in bridges.iter().filter_map(|bridge| bridge["ifname"].as_str()) {
        ip(&format!("link del {name}"));
    }
}

/// A bridge network whose addresses host-local gives, from `10.<net>.0.0/16` and `fd<net>::/64`, as default gateway
/// of the pod or not.
pub(crate) fn bridge(node: &Node, name: &str, net: u8, default_gateway: bool) -> Value {
    let ranges = json!([[{ "subnet": format!("10.{net}.0.0/16") }], [{ "subnet": format!("fd{net}::/64") }]]);
    json!({
        "cniVersion": "1.0.0", "name": name, "type": "bridge", "bridge": format!("br{net}"),
        "isGateway": true, "isDefaultGateway": default_gateway,
        "ipam": { "type": "host-local", "dataDir": node.path("addresses"), "ranges": ranges },
    })
}
