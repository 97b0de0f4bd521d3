//! Servers with a name, on a node with files of its own.

use super::double::Reply;
use super::*;

fn named(folder: &Folder, url: &str, patience: Duration) -> ApiServer {
    let kubeconfig = folder.kubeconfig(&format!("server: \"{url}\""), "");
    folder.connect(&access(&kubeconfig, patience)).unwrap()
}

#[test]
fn the_hosts_file_is_enough_for_a_name() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    folder.write("hosts", "# the lab\n127.0.0.1 localhost\n127.0.0.1\tAPI.lab api # control plane\n");
    // Were it asked, it would take its time.
    folder.write("resolv.conf", "nameserver 192.0.2.1\noptions timeout:30 attempts:5\n");
    for name in ["api.lab", "Api.Lab", "api"] {
        let source = named(&folder, &format!("http://{name}:{}", double.port), LONG);
        assert!(source.pod("red", "web").unwrap().is_some(), "{name}");
    }
}

#[test]
fn an_address_needs_no_file_at_all() {
    let double = Double::http(|_, _| Reply::json(POD));
    let folder = Folder::new();
    assert!(!folder.path("hosts").exists() && !folder.path("resolv.conf").exists());
    assert!(named(&folder, &double.url, LONG).pod("red", "web").unwrap().is_some());
}

#[test]
fn a_name_that_nobody_knows_is_named_in_bounded_time() {
    let folder = Folder::new();
    folder.write("hosts", "127.0.0.1 localhost\n");
    folder.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    let begun = Instant::now();
    let source = named(&folder, "http://api.invalid:6443", Duration::from_secs(3));
    let error = source.pod("red", "web").unwrap_err().to_string();
    assert!(begun.elapsed() < LONG, "{error}");
    assert!(error.contains("API server http://api.invalid:6443"), "{error}");
    assert!(error.contains("the host name `api.invalid` can't be resolved"), "{error}");
}
