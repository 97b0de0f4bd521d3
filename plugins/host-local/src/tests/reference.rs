//! Against the reference plugin: the same calls on a folder of its own and on one of ours, and on one that both share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use multus_guest::testing::read_folder;
use multus_guest::{Attachment, Failure};
use multus_guest_cni::host::Answer;
use multus_leases::{Folder, Holder, LeaseError, Locked};
use multus_tests::{Random, effort};
use serde_json::{Value, json};

use crate::store::{Store, Transaction};

/// The host's store, without a host.
struct Leases {
    directory: PathBuf,
    holder: Holder,
}

struct Open(RefCell<Locked>, Holder);

fn failed(error: LeaseError) -> Failure {
    Failure::new(5, error.to_string())
}

impl Store for Leases {
    type Transaction = Open;

    fn begin(&self, _: Option<&str>, network: &str) -> Answer<Open> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let locked = Folder::open(&self.directory, network)
            .and_then(|folder| folder.lock(deadline))
            .map_err(failed)?;
        Ok(Open(RefCell::new(locked), self.holder.clone()))
    }
}

impl Transaction for Open {
    fn claimed(&self) -> Answer<Vec<String>> {
        self.0.borrow().claimed().map_err(failed)
    }

    fn owned(&self) -> Answer<Vec<String>> {
        self.0.borrow().claimed_by(&self.1).map_err(failed)
    }

    fn claim(&self, key: &str) -> Answer<bool> {
        self.0.borrow_mut().claim(key, &self.1).map_err(failed)
    }

    fn reclaim(&self) -> Answer<u32> {
        let reclaimed = self.0.borrow_mut().reclaim(|_| true).map_err(failed)?;
        Ok(u32::try_from(reclaimed.len()).unwrap())
    }

    fn note(&self, name: &str) -> Answer<Option<String>> {
        self.0.borrow().note(name).map_err(failed)
    }

    fn set_note(&self, name: &str, value: &str) -> Answer<()> {
        self.0.borrow_mut().set_note(name, value).map_err(failed)
    }
}

/// One way to have addresses given.
#[derive(Clone, Copy)]
enum Way<'a> {
    Ours,
    Theirs(&'a Path),
}

struct Call<'a> {
    conf: &'a Value,
    directory: &'a Path,
    id: &'a str,
    args: &'a str,
}

impl Call<'_> {
    /// The addresses and routes, without the version; `None` if there are none to be had.
    fn add(&self, way: Way<'_>) -> Option<Value> {
        match way {
            Way::Theirs(program) => self.run(program, "ADD").ok(),
            Way::Ours => {
                let holder = Holder::new(self.id, "eth0").unwrap();
                let store = Leases { directory: self.directory.to_owned(), holder };
                match crate::add(&store, &self.attachment(), self.conf.as_object().unwrap()) {
                    Ok(result) => Some(without_version(json!(result))),
                    Err(_) => {
                        // The host gives back what a failed call has claimed.
                        self.del(Way::Ours);
                        None
                    }
                }
            }
        }
    }

    fn attachment(&self) -> Attachment {
        Attachment {
            container_id: self.id.to_owned(),
            interface_name: "eth0".to_owned(),
            network: "team/lan".to_owned(),
            index: 0,
            default_network: true,
            pod: None,
            context: json!({ "args": self.args }).to_string(),
        }
    }

    fn del(&self, way: Way<'_>) {
        match way {
            Way::Theirs(program) => drop(self.run(program, "DEL").unwrap()),
            Way::Ours => {
                let holder = Holder::new(self.id, "eth0").unwrap();
                let deadline = Instant::now() + Duration::from_secs(20);
                let mut locked = Folder::open(self.directory, "lan").unwrap().lock(deadline).unwrap();
                for key in locked.claimed_by(&holder).unwrap() {
                    assert!(locked.release(&key, &holder).unwrap());
                }
            }
        }
    }

    fn run(&self, program: &Path, verb: &str) -> Result<Value, String> {
        let mut conf = self.conf.clone();
        conf["ipam"]["dataDir"] = json!(self.directory);
        let environment = [
            ("COMMAND", verb),
            ("CONTAINERID", self.id),
            ("IFNAME", "eth0"),
            ("NETNS", "/n"),
            ("PATH", "/p"),
            ("ARGS", self.args),
        ];
        let mut child = Command::new(program)
            .envs(environment.map(|(name, value)| (format!("CNI_{name}"), value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(conf.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if output.status.success() { Ok(without_version(answer)) } else { Err(answer["msg"].to_string()) }
    }
}

fn without_version(mut answer: Value) -> Value {
    if let Some(members) = answer.as_object_mut() {
        members.remove("cniVersion");
    }
    answer
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory.join("lan")).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_name() != "lock");
    let pair = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
    };
    files.map(pair).collect()
}

fn copy_notes(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("lan")).unwrap();
    for (name, value) in files(from).into_iter().filter(|(name, _)| name.starts_with("last_")) {
        std::fs::write(to.join("lan").join(name), value).unwrap();
    }
}

fn program() -> Option<PathBuf> {
    let found = multus_tests::binaries::reference_plugins().map(|folder| folder.join("host-local"));
    if found.is_none() {
        multus_tests::left_out("comparing with the reference plugin `host-local` needs it (CNI_PLUGINS)");
    }
    found
}

/// Fixtures say in `reference` where that plugin does something else.
#[test]
fn each_fixture_is_answered_as_the_reference_plugin_does() {
    let Some(program) = program() else { return };
    for fixture in read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap() {
        let directory = tempfile::tempdir().unwrap();
        let network = directory.path().join("lan");
        std::fs::create_dir(&network).unwrap();
        let leases = fixture.given.leases();
        for (key, text) in leases.get("lan").into_iter().flatten() {
            let content = if key.starts_with("last_") { text.clone() } else { format!("{text}\r\neth0") };
            std::fs::write(network.join(key), content).unwrap();
        }
        let (conf, id) = (fixture.given.conf(), &fixture.given.attachment.container_id);
        let call = Call { conf: &conf, directory: directory.path(), id, args: fixture.given.args() };
        let theirs = call.add(Way::Theirs(&program));
        let ours = fixture.expect.as_ref().unwrap().result().cloned();
        match &fixture.reference {
            None => assert_eq!(theirs, ours, "{}", fixture.name),
            Some(_) => assert_ne!(theirs, ours, "{}: no difference any more", fixture.name),
        }
    }
}

fn conf(random: &mut Random) -> Value {
    let rangesets = [
        json!([[{ "subnet": "10.1.0.0/29" }]]),
        json!([[{ "subnet": "10.1.0.0/29" }, { "subnet": "10.2.0.0/30" }], [{ "subnet": "fd00::/125" }]]),
        json!([[{ "subnet": "10.1.0.0/24", "rangeStart": "10.1.0.20", "rangeEnd": "10.1.0.24", "gateway": "10.1.0.22" }]]),
        json!([[{ "subnet": "fd00::/64", "rangeEnd": "fd00::5" }], [{ "subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.9" }]]),
    ];
    let ipam = json!({ "type": "host-local", "ranges": random.pick(&rangesets), "routes": [{ "dst": "0.0.0.0/0" }] });
    json!({ "cniVersion": "1.0.0", "name": "lan", "type": "bridge", "ipam": ipam })
}

/// Pods come and go; the same addresses are given and the same files are there, whether the plugin does it, or we do, or
/// each call is the one's or the other's by chance.
#[test]
fn in_any_order_of_calls_the_same_addresses_are_given() {
    let Some(program) = program() else { return };
    let (theirs, mut random) = (Way::Theirs(&program), Random::of_this_run());
    for _ in 0..effort().rounds(2, 8, 100) {
        let conf = conf(&mut random);
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [reference, own, shared] = folders.each_ref().map(|folder| folder.path());
        for step in 0..25 {
            let id = format!("c{}", random.below(9));
            let wish = format!("IP=10.1.0.{}", random.below(26));
            let args = if random.below(4) == 0 { wish.as_str() } else { "" };
            let call = |directory| Call { conf: &conf, directory, id: &id, args };
            let chosen = if random.below(2) == 0 { Way::Ours } else { theirs };
            if random.below(3) == 0 {
                call(reference).del(theirs);
                call(own).del(Way::Ours);
                call(shared).del(chosen);
            } else if files(reference).values().any(|content| content.starts_with(&format!("{id}\r"))) {
                // A second ADD: the plugin would leave it to its caller to know what is whose.
                continue;
            } else {
                let expected = call(reference).add(theirs);
                assert_eq!(call(own).add(Way::Ours), expected, "step {step}: {id} {args} of {conf}");
                assert_eq!(call(shared).add(chosen), expected, "step {step}: {id} {args} of {conf}");
                if expected.is_none() {
                    // Of a call that fails the plugin remembers which addresses it gave back.
                    [own, shared].into_iter().for_each(|directory| copy_notes(reference, directory));
                }
            }
            assert_eq!(files(own), files(reference), "step {step}: {conf}");
            assert_eq!(files(shared), files(reference), "step {step}: {conf}");
        }
    }
}
