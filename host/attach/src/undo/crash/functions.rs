//! Virtual functions whose links can't be looked for, or don't come home.

use multus_net::simulated::Fault;

use super::{CALLS, EBUSY, End, Scene, is_in};
use crate::component::stage::{HOST, TakeBack, Thing, View, number};

/// What the card was told of its functions.
fn told(scene: &Scene) -> Vec<(Thing, Vec<String>)> {
    let all = View::of(&scene.stage.node).0.into_iter();
    all.filter(|(thing, lines)| {
        matches!(thing, Thing::Setting(HOST, _)) && lines.iter().any(|line| line.starts_with("function@"))
    })
    .collect()
}

/// It would be in another network than its own.
#[test]
fn a_function_that_a_pod_still_has_stays_in_its_vlan() {
    let mut kept = 0;
    for at in 0..20 {
        let scene = Scene::new(CALLS[3]);
        assert_eq!(scene.add(None), End::Whole);
        let (pod, before) = (number(&scene.stage.node, scene.pod.sandbox), told(&scene));
        let fault = Some((at, Fault::Refuse(EBUSY)));
        let failures = scene.take_back(TakeBack { fault, ..TakeBack::default() });
        let view = View::of(&scene.stage.node);
        let has_function = |(thing, lines): (&Thing, &Vec<String>)| {
            matches!(thing, Thing::Link(space, _) if *space == pod)
                && lines.iter().any(|line| line.contains(" hardware "))
        };
        if view.0.iter().any(has_function) {
            assert!(!failures.is_empty(), "{at}");
            assert_eq!(told(&scene), before, "refused at {at}");
            kept += 1;
        }
        scene.comes_clean(&format!("refused at {at}"));
    }
    assert!(kept > 0);
}

/// Its address is the one of before by then, and no driver takes the other one.
#[test]
fn a_function_that_came_home_while_nobody_could_look_gets_its_name_back() {
    let scene = Scene::new(CALLS[3]);
    assert_eq!(scene.add(None), End::Whole);
    let pod = number(&scene.stage.node, scene.pod.sandbox);
    scene.stage.node.end(scene.pod.sandbox);
    let fault = Some((1, Fault::Refuse(EBUSY)));
    assert_eq!(scene.take_back(TakeBack { fault, ..TakeBack::default() }).len(), 1);
    let failures = scene.take_back(TakeBack::default());
    assert!(failures.is_empty(), "{failures:?}");
    scene.is_clean("once it can be looked for", |thing| !is_in(thing, pod));
}
