//! The node was started anew: what the record tells of the kernel is void, what is on disk is not.

use multus_tests::{Dump, private};

use crate::scene::{Networks, Scene, another_boot, this_boot};
use crate::strace;

/// Lines about claims and records.
fn of_the_kernel(dump: &Dump) -> Dump {
    dump.without(|line| line.starts_with("file ") || line.starts_with("folder "))
}

/// The claims and records of the pod.
fn of_the_disk(dump: &Dump) -> Vec<String> {
    let lines = dump.lines().filter(|line| line.starts_with("file ") && line.contains("web"));
    lines.filter(|line| !line.contains("/manifests/") && !line.contains("/run/")).map(str::to_owned).collect()
}

#[test]
fn del_after_another_boot_gives_claims_back_and_touches_no_link() {
    private(|| {
        let scene = Scene::new();
        let conf = scene.conf(Networks::Plain);
        scene.add_succeeds(&conf, "ADD");
        let before = of_the_kernel(&scene.dump());
        another_boot(&scene.node, "11111111-2222-3333-4444-555555555555");
        scene.del_succeeds(&conf, "DEL after another boot");
        of_the_kernel(&scene.dump()).must_equal(&before);
        assert_eq!(of_the_disk(&scene.dump()), Vec::<String>::new(), "claims and records are gone");
        this_boot();
    });
}

/// Killed anywhere, then another boot: only what lasts is taken back.
#[test]
fn an_add_that_was_killed_before_another_boot() {
    private(|| {
        if !strace::is_there() {
            return;
        }
        let scene = Scene::new();
        let conf = scene.conf(Networks::Plain);
        let counted = strace::counted(&scene, "ADD", &conf, "fsync,fdatasync,sendto,write");
        scene.del_cleans(&conf, "counting");
        let places = counted.iter().flat_map(|(name, times)| (1..=*times).map(move |at| (name, at, times)));
        for (name, at, times) in strace::some(places.collect(), 5, 20) {
            let story = format!("ADD killed at {name} {at} of {times}, then another boot");
            strace::strike(&scene, "ADD", &conf, name, "signal=SIGKILL", &at.to_string());
            let before = of_the_kernel(&scene.dump());
            another_boot(&scene.node, "11111111-2222-3333-4444-555555555555");
            scene.del_succeeds(&conf, &story);
            this_boot();
            assert_eq!(of_the_disk(&scene.dump()), Vec::<String>::new(), "{story}");
            let difference = of_the_kernel(&scene.dump()).since(&before);
            assert!(difference.is_empty(), "{story}: touched:\n{difference}");
            // What a boot would have taken along.
            scene.another_namespace();
            scene.must_be_clean(&story);
        }
    });
}
