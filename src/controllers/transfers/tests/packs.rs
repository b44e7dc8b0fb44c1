use super::*;
use crate::controllers::transfers::law::changes;

#[test]
fn another_law_pack_is_told_of_on_each_store_for_which_it_changes_something() {
    let mut world = World::new();
    world.store("aaa");
    world.store("bbb");
    world.pod("web", 0, "us1", &["aaa-app"]);
    let mut told = |law: &str, violating: i64| {
        for store in ["aaa", "bbb"] {
            let mut status = world.status(store);
            let summary = status.transfers.as_mut().unwrap();
            summary.law = Some(law.into());
            if store == "aaa" {
                summary.violating = violating;
            }
            world.said(store, &status);
        }
        let version = world.snapshot().law.version.clone();
        let notes = changes(&world.entries(), &world.judge(NOW), &version);
        notes.into_iter().map(|(owner, note)| (owner.to_string(), note.reason, note.note)).collect::<Vec<_>>()
    };
    let notes = told("earlier", 0);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!((notes[0].0.as_str(), notes[0].1), ("DataStore identity/aaa", "LawPackChanged"));
    assert!(notes[0].2.contains("before it was earlier: of 1 running Pods"), "{notes:?}");
    assert!(told("earlier", 1).is_empty(), "nothing changes");
    let same = law::built_in().unwrap().version;
    assert!(told(&same, 0).is_empty(), "the same pack");
}
