//! Upstream's files: ours are read back, and by upstream; upstream's are read here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use multus_cni::conf::NetworkConf;
use multus_cni::env::Request;
use multus_cni::result::ResultDocument;
use multus_cni::{Error, Version, cache};
use multus_document::Object;
use multus_journal::Implementation;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{Container, scratch};
use crate::call::{Call, Deadlines, Node};
use crate::conf::MultusConf;
use crate::log::{Log, Severity};
use crate::networks::{Asked, Found, Origin};
use crate::plan::{Attachment, Plan, Step};

struct Quiet;

impl Log for Quiet {
    fn log(&self, _: Severity, _: &str) {}
}

fn detach(call: &Call<'_>) -> Result<(), Error> {
    super::detach(call, &call.store(), &Container::asked(call), &[])
}

/// A call of one container, with its files in a folder of its own.
struct Scene {
    dir: TempDir,
    conf: MultusConf,
    request: Request,
    node: Node<'static>,
}

impl Scene {
    fn new(container_id: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let conf = json!({"name": "multus", "cniVersion": "1.0.0", "cniDir": dir.path(), "delegates": [{"type": "a"}]});
        let variables = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", container_id),
            ("CNI_NETNS", "/run/netns/a"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", "K=V;K8S_POD_NAME=web"),
            ("CNI_PATH", "/opt/cni/bin"),
        ];
        let get =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        Self {
            conf: MultusConf::parse(conf.to_string().as_bytes()).unwrap(),
            request: Request::from_env(get).unwrap(),
            node: Node { lock_dir: dir.path().join("run"), ..Node::new(&Quiet) },
            dir,
        }
    }

    fn call(&self) -> Call<'_> {
        Call { node: &self.node, request: &self.request, conf: &self.conf, deadlines: Deadlines::start() }
    }

    fn file(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.dir.path().join(name)).unwrap()).unwrap()
    }

    /// What is read of a scratch file: network, types of its plugins, interface.
    fn read(&self, container_id: &str) -> Option<Vec<(String, Vec<String>, String)>> {
        let attached = scratch::read(&self.call(), container_id, "eth0")?;
        let types = |network: &NetworkConf| {
            network.plugins.iter().map(|plugin| plugin.plugin_type().to_owned()).collect()
        };
        Some(
            attached
                .into_iter()
                .map(|one| (one.network.name.clone(), types(&one.network), one.interface))
                .collect(),
        )
    }
}

fn attachment(index: u32, conf: &str, interface: &str) -> Attachment {
    let object = Object::parse(conf.as_bytes()).unwrap();
    Attachment {
        index,
        interface: interface.to_owned(),
        display: format!("shop/network-{index}"),
        default: index == 0,
        origin: Origin { asked: Asked::Networks, found: Found::Conf },
        network: NetworkConf::parse(&object, Some("given"), Some("1.0.0")).unwrap(),
        runtime_config: Map::from_iter([("mac".to_owned(), json!("0a:58:00:00:00:01"))]),
        args: "K=V".to_owned(),
        default_route: None,
        device: None,
        device_info: None,
        steps: Vec::new(),
        decisions: Vec::new(),
        definition_annotations: Value::Null,
        selection: Value::Null,
        wishes: Vec::new(),
        whole: Default::default(),
    }
}

fn plan() -> Plan {
    let mut changed =
        attachment(1, r#"{"name":"list","plugins":[{"type":"macvlan","n":1.0},{"type":"tuning"}]}"#, "net1");
    let plugin = changed.network.plugins.first_mut().unwrap().object_mut();
    plugin.set("mtu", &json!(9000));
    Plan {
        pod: None,
        attachments: vec![attachment(0, r#"{"type":"bridge","bridge":"br0"}"#, "eth0"), changed],
    }
}

fn row(network: &str, types: &[&str], interface: &str) -> (String, Vec<String>, String) {
    (network.to_owned(), types.iter().map(|name| (*name).to_owned()).collect(), interface.to_owned())
}

#[test]
fn what_is_written_has_upstreams_shape_and_is_read_back() {
    let scene = Scene::new("c1");
    let plan = plan();
    let result = br#"{"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}]}"#;
    let results = [(); 2].map(|()| ResultDocument::parse(result, Version::V1_0_0).unwrap());
    super::announce(&scene.call(), &plan).unwrap();
    super::write(&scene.call(), &plan, &results).unwrap();

    let file = scene.file("c1");
    assert_eq!(file[0]["Conf"]["bridge"], "br0");
    assert_eq!(file[0]["Conf"]["name"], "given", "upstream does not name it again");
    assert_eq!(file[0]["Conf"]["cniVersion"], "1.0.0");
    assert_eq!(file[0]["ConfList"], json!({}));
    assert_eq!(file[1]["ConfList"]["plugins"][0]["mtu"], 9000, "as transforms left it");
    assert_eq!((&file[1]["Name"], &file[1]["ifnameRequest"]), (&json!("shop/network-1"), &json!("net1")));
    let mode = fs::metadata(scene.dir.path().join("c1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let expected = vec![row("given", &["bridge"], "eth0"), row("list", &["macvlan", "tuning"], "net1")];
    assert_eq!(scene.read("c1"), Some(expected));

    let cached = cache::list_for(scene.dir.path(), "c1").unwrap();
    assert_eq!(cached.len(), 2);
    let list = cached.iter().find(|entry| entry.ifname == "net1").unwrap();
    let conf = String::from_utf8(list.config.clone()).unwrap();
    assert_eq!(
        conf,
        r#"{"name":"list","plugins":[{"type":"macvlan","n":1.0,"mtu":9000},{"type":"tuning"}],"cniVersion":"1.0.0"}"#
    );
    assert_eq!(list.args, [("K".to_owned(), "V".to_owned())]);
    assert_eq!(list.capability_args["mac"], "0a:58:00:00:00:01");

    for attachment in &plan.attachments {
        super::forget(&scene.call(), "c1", &attachment.intent());
    }
    super::forget_scratch(&scene.call(), "c1");
    let left: Vec<_> = files(scene.dir.path());
    assert!(left.is_empty(), "{left:?}");
}

/// The record may be gone and these files not: no pod waits for a binary in the place of a module.
#[test]
fn what_a_module_did_needs_no_binary() {
    for module in [true, false] {
        let scene = Scene::new("c1");
        let mut one = attachment(0, r#"{"type":"nobody-has-this"}"#, "eth0");
        let implementation = if module {
            Implementation::Component { module: "m".into(), digest: "sha256:0".into(), lifecycle: false }
        } else {
            Implementation::Exec { path: "/opt/cni/bin/nobody-has-this".into() }
        };
        let stdin = Object::parse(b"{}").unwrap();
        one.steps = vec![Step { plugin: "nobody-has-this".into(), stdin, implementation }];
        let plan = Plan { pod: None, attachments: vec![one] };
        let result = ResultDocument::parse(br#"{"cniVersion":"1.0.0"}"#, Version::V1_0_0).unwrap();
        for scratch_as_well in [true, false] {
            super::announce(&scene.call(), &plan).unwrap();
            super::write(&scene.call(), &plan, std::slice::from_ref(&result)).unwrap();
            if !scratch_as_well {
                super::forget_scratch(&scene.call(), "c1");
            }
            assert_eq!(detach(&scene.call()).is_ok(), module, "{scratch_as_well}");
            assert_eq!(files(scene.dir.path()).is_empty(), module, "{scratch_as_well}");
        }
    }
}

fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

/// A delegate as upstream's plugin writes it, `Bytes` being the conf in base64.
fn theirs(conf: &Value, name: &str, interface: &str) -> Value {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.encode(conf.to_string());
    let mut delegate = json!({
        "Conf": {"cniVersion": "0.3.1", "name": conf["name"], "type": conf["type"], "ipam": {}, "dns": {}},
        "ConfList": {"name": "", "plugins": null, "disableCheck": false},
        "Name": name,
        "macRequest": "0a:58:00:00:00:02",
        "ipRequest": ["10.0.0.7/24"],
        "isFilterV4Gateway": false,
        "Bytes": bytes,
    });
    if !interface.is_empty() {
        delegate["ifnameRequest"] = json!(interface);
    }
    delegate
}

#[test]
fn upstreams_own_file_is_read() {
    let scene = Scene::new("c1");
    let single = json!({"cniVersion": "0.3.1", "name": "weave", "type": "weave-net"});
    let list = json!({"cniVersion": "0.4.0", "name": "l", "plugins": [{"type": "macvlan"}, {"type": "sbr"}]});
    let unnamed = json!({"cniVersion": "0.3.1", "type": "ptp"});
    let file =
        json!([theirs(&single, "", ""), theirs(&list, "shop/l", ""), theirs(&unnamed, "given", "data0"),]);
    fs::write(scene.dir.path().join("c1"), file.to_string()).unwrap();
    let expected = vec![
        row("weave", &["weave-net"], "eth0"),
        row("l", &["macvlan", "sbr"], "net1"),
        row("given", &["ptp"], "data0"),
    ];
    assert_eq!(scene.read("c1"), Some(expected));
}

#[test]
fn what_is_no_scratch_file_is_none() {
    let scene = Scene::new("c1");
    let good = theirs(&json!({"name": "n", "type": "t"}), "n", "net1");
    let mut cut = good.clone();
    cut["Bytes"] = json!("eyJuYW1l");
    let mut foreign = good.clone();
    foreign["Bytes"] = json!("no base64!");
    let nameless = theirs(&json!({"type": "t"}), "", "net1");
    let rows = [
        "".to_owned(),
        "null".into(),
        "{}".into(),
        "[".into(),
        "\u{0}".into(),
        json!([good, cut]).to_string(),
        json!([foreign]).to_string(),
        json!([nameless]).to_string(),
        json!([7]).to_string(),
    ];
    for text in rows {
        fs::write(scene.dir.path().join("c1"), &text).unwrap();
        assert_eq!(scene.read("c1"), None, "{text}");
    }
    assert_eq!(scene.read("c2"), None, "no file");
}

#[test]
fn a_container_named_like_one_of_our_folders_has_no_scratch_file() {
    for name in ["attachments", "leftover", "quarantine", "results"] {
        let scene = Scene::new(name);
        scratch::write(&scene.call(), &plan()).unwrap();
        assert_eq!(files(scene.dir.path()), Vec::<String>::new(), "{name}");
        fs::create_dir(scene.dir.path().join(name)).unwrap();
        assert_eq!(scene.read(name), None);
        scratch::remove(&scene.call(), name).unwrap();
        assert!(scene.dir.path().join(name).is_dir());
    }
}

#[test]
fn a_folder_that_is_full_or_gone_leaves_no_half_of_a_file() {
    let scene = Scene::new("c1");
    fs::create_dir_all(scene.dir.path().join("c1/in-the-way")).unwrap();
    assert!(scratch::write(&scene.call(), &plan()).is_err());
    assert_eq!(files(scene.dir.path()), Vec::<String>::new());
}

#[test]
fn a_del_of_one_interface_leaves_the_others_of_the_container_alone() {
    let mut scene = Scene::new("c1");
    let store = scene.call().store();
    let entry = multus_journal::Call {
        key: scene.call().key(),
        network: "multus".to_owned(),
        netns_path: String::new(),
        netns: None,
        boot: scene.call().boot().unwrap(),
        args: String::new(),
        path: String::new(),
        pod: None,
        started: 0,
    };
    store.create(&entry).unwrap();
    scratch::write(&scene.call(), &plan()).unwrap();
    scene.request.ifname = "eth1".to_owned();
    crate::del(&scene.call()).unwrap();
    assert!(scene.read("c1").is_some(), "eth0 is still attached");

    store.remove(&entry.key).unwrap();
    let error = crate::del(&scene.call()).unwrap_err();
    assert!(
        error.to_string().contains("there is no plugin binary `tuning`"),
        "detached as upstream's: {error}"
    );
}
