use super::*;

type Counted = Vec<(String, i64)>;

fn stood_on(world: &World) -> (Counted, Counted) {
    let standing = world.judge(NOW).standing;
    let stores = standing.stores.into_iter().map(|(store, pods)| (store.to_string(), pods));
    (stores.collect(), standing.safeguards.into_iter().collect())
}

fn two_abroad_and_one_at_home() -> World {
    let mut world = World::new();
    world.store("aaa");
    for (n, node) in ["us1", "us1", "eu1"].into_iter().enumerate() {
        world.pod("web", n, node, &["aaa-app"]);
    }
    world
}

#[test]
fn a_pod_stands_on_its_store_and_on_the_one_safeguard_that_carries_it() {
    let mut world = two_abroad_and_one_at_home();
    assert_eq!(stood_on(&world), (vec![("identity/aaa".into(), 3)], vec![]));
    world.clauses("one", 10);
    assert_eq!(stood_on(&world).1, [("one".to_owned(), 2)]);
}

#[test]
fn of_two_that_carry_the_same_neither_is_stood_on_alone_until_the_other_goes() {
    let mut world = two_abroad_and_one_at_home();
    world.clauses("one", 10);
    world.clauses("two", 20);
    assert_eq!(stood_on(&world).1, []);
    world.without_safeguard("one");
    assert_eq!(stood_on(&world).1, [("two".to_owned(), 2)]);
}

#[test]
fn nobody_is_asked_about_an_exempt_namespace() {
    let mut world = two_abroad_and_one_at_home();
    world.clauses("one", 10);
    let mut snapshot = world.snapshot();
    let mut settings = (*snapshot.settings).clone();
    settings.exempt.insert("analytics".into());
    snapshot.settings = Arc::new(settings);
    let picture = judge(&snapshot, &world.running(&snapshot), at(NOW));
    assert_eq!(picture.standing, Default::default());
    assert_eq!(picture.stores[&ObjectKey::new("identity", "aaa")].using, 0);
}
