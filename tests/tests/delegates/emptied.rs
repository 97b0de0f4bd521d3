//! A power cut keeps a file's name and may lose what was not synced of its content: each file of ours ends in a clear
//! state, no address is lost, and the next pod starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use multus_tests::{Pod, private};
use serde_json::{Value, json};

use crate::scene::{CLAIMS, Scene, has_all, lan, said};

/// The node's boots, as the kernel tells them.
struct Boots {
    id: PathBuf,
    count: u8,
}

impl Boots {
    fn new(scene: &Scene) -> Boots {
        let mut boots = Boots { id: scene.node.scratch("boot_id"), count: 0 };
        boots.next();
        let boot_id = Path::new("/proc/sys/kernel/random/boot_id");
        let mounted =
            Command::new("mount").args(["-n", "--bind"]).args([boots.id.as_path(), boot_id]).status();
        assert!(mounted.unwrap().success());
        boots
    }

    fn next(&mut self) {
        self.count += 1;
        fs::write(&self.id, format!("00000000-1111-4222-8333-4444444444{:02}\n", self.count)).unwrap();
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// One address is all that there is for pods.
fn narrow() -> Value {
    let mut network = lan("lab0", "10.1.0.0/30");
    network["isDefaultGateway"] = json!(false);
    network
}

/// What an ADD wrote, but for the record: that is synced before anything that outlives a power cut is done.
fn written(scene: &Scene) -> Vec<PathBuf> {
    let mut all = Vec::new();
    [scene.node.cni_dir(), CLAIMS.into()].iter().for_each(|folder| files(folder, &mut all));
    all.retain(|path| !path.parent().unwrap().ends_with("attachments"));
    all.sort();
    all
}

/// A pod, a power cut that empties these, another boot; the pod's DEL, or none, if the runtime has forgotten it.
fn cut(scene: &Scene, boots: &mut Boots, conf: &Value, emptied: &[PathBuf], deleted: bool) {
    let (pod, _) = scene.attached("web", conf);
    scene.node.remove_netns("web");
    boots.next();
    for path in emptied {
        assert!(path.is_file(), "{}", path.display());
        fs::write(path, "").unwrap();
        fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    if deleted {
        scene.node.del(&pod, conf).succeeded();
    }
    let next = scene.node.pod("next");
    let answer = scene.node.add(&next, conf);
    assert_eq!(answer.status.code(), Some(0), "{emptied:?}, deleted: {deleted}: {answer}");
    has_all(&scene.node.dump(), &[&["netns next: address 10.1.0.2/30"]]);
    scene.node.del(&pod, conf).succeeded();
    scene.node.del(&next, conf).succeeded();
    scene.node.remove_netns("next");
}

#[test]
fn whatever_a_power_cut_empties_the_next_pod_starts_and_nothing_is_left() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.mixed(json!([narrow(), scene.node.network("red", "gamma")]));
        let mut boots = Boots::new(&scene);
        let before = scene.warmed_up(&conf);
        let (pod, _) = scene.attached("web", &conf);
        let candidates = written(&scene);
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        assert!(candidates.len() >= 5, "{candidates:?}");
        for path in &candidates {
            for deleted in [true, false] {
                cut(&scene, &mut boots, &conf, std::slice::from_ref(path), deleted);
                scene.state().must_equal(&before);
            }
        }
        cut(&scene, &mut boots, &conf, &candidates, false);
        scene.state().must_equal(&before);
    });
}

/// The cut came before the record was synced, and so before anything was done.
#[test]
fn a_record_without_a_word_is_nobodys_obstacle() {
    private(|| {
        let scene = Scene::new();
        let mut conf = scene.conf(json!([narrow()]));
        let before = scene.warmed_up(&conf);
        let record = |name: &str| scene.node.cni_dir().join("attachments").join(format!("{name}@eth0"));
        let empty = |name: &str| fs::write(record(name), "").unwrap();
        empty("web");
        let (pod, _) = scene.attached("web", &conf);
        scene.node.del(&pod, &conf).succeeded();
        scene.node.remove_netns("web");
        empty("gone");
        scene.node.del(&Pod { container_id: "gone".into(), ..pod.clone() }, &conf).succeeded();
        empty("forgotten");
        conf["cni.dev/valid-attachments"] = json!([]);
        scene.node.call("GC", &pod, &conf).succeeded();
        assert!(!record("forgotten").exists());
        scene
            .state()
            .without(|line| line.contains("lab0"))
            .must_equal(&before.without(|line| line.contains("lab0")));
    });
}

/// Of an address that host-local's crash left without a holder no record tells.
#[test]
fn an_address_that_nobody_wrote_his_name_to_is_given_anew_after_a_boot() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([narrow()]));
        scene.warmed_up(&conf);
        let claim = Path::new(CLAIMS).join("net-lab0/10.1.0.2");
        fs::write(&claim, "").unwrap();
        let pod = scene.node.pod("web");
        let error = scene.node.add(&pod, &conf).error();
        assert!(error.msg.contains("no address of") && error.msg.contains("network net-lab0"), "{error:?}");
        fs::File::open(&claim).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        scene.node.add(&pod, &conf).succeeded();
        scene.node.del(&pod, &conf).succeeded();
    });
}

/// They are synced, so that it takes more than a power cut. Pods that run are detached without them; no pod starts with
/// half of its modules, and the error says which file it is or what to do.
#[test]
fn emptied_files_of_modules_stop_no_del_and_are_named() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(json!([narrow()]));
        let before = scene.warmed_up(&conf);
        let mut all = Vec::new();
        files(&scene.node.path("wasm"), &mut all);
        all.sort();
        assert!(all.len() >= 6, "{all:?}");
        for path in all {
            let (pod, _) = scene.attached("web", &conf);
            let content = fs::read(&path).unwrap();
            fs::write(&path, "").unwrap();
            scene.node.del(&pod, &conf).succeeded();
            // A component itself is read by the compiler alone.
            let answer = scene.node.add(&pod, &conf);
            if answer.status.code() != Some(0) {
                let error = answer.error();
                let words = format!("{} {}", error.msg, error.details);
                let remedy = words.contains("multusctl") || words.contains(path.to_str().unwrap());
                assert!(remedy, "{}: {words}", path.display());
                fs::write(&path, content).unwrap();
                scene.node.add(&pod, &conf).succeeded();
            } else {
                fs::write(&path, content).unwrap();
            }
            scene.node.del(&pod, &conf).succeeded();
            scene.node.remove_netns("web");
            scene.state().must_equal(&before);
        }
        said(&scene.multusctl(&["module", "list"], &conf));
    });
}
