use super::*;
use crate::core::transfer::{Remedy, decide_as, decide_copy};

fn regimes(world: &World) -> Vec<String> {
    let mut found: Vec<_> = world.decide().flows.iter().map(|f| f.flow.regime.to_string()).collect();
    found.dedup();
    found
}

#[test]
fn inside_the_regime_there_is_no_border() {
    assert_eq!(World::new(&[]).on("aws", "eu-central-1").outcome(), Outcome::NoBorder);
}

#[test]
fn the_importers_own_country_makes_no_transfer() {
    // inc is American; its Pod runs in Frankfurt.
    assert!(!World::new(&[]).on("gcp", "europe-west3").decide().is_violation());
}

#[test]
fn regimes_are_origins_and_establishment_and_place() {
    assert_eq!(regimes(&World::new(&[])), ["EEA"]);
    assert_eq!(regimes(&World::new(&[]).store(&[("[EEA]", "[CH]")])), ["CH", "EEA"]);
    assert_eq!(regimes(&World::new(&[]).store(&[("eu-west-1", "eu-west-2")])), ["EEA", "UK"]);
    let mut british = World::new(&[]);
    british.manifests[0] = edit(LTD, &[("country: IE", "country: GB")]);
    assert_eq!(regimes(&british), ["EEA", "UK"]);
}

#[test]
fn what_is_unknown_may_be_any_regime() {
    let every = ["CH", "EEA", "UK"];
    assert_eq!(regimes(&World::new(&[]).store(&[("  origins: [EEA]\n", "")])), every);
    assert_eq!(regimes(&World::new(&[]).store(&[("eu-west-1", "eu-nowhere-1")])), every);
    assert_eq!(regimes(&World::new(&[]).store(&[("[EEA]", "[Atlantis]")])), every);
    let mut nobody = World::new(&[]);
    nobody.manifests[0] = edit(LTD, &[("name: ltd", "name: someone")]);
    assert_eq!(regimes(&nobody), every);
}

#[test]
fn unrestricted_takes_only_the_origins_away() {
    let free = [("[EEA]", "[Unrestricted]\n  originsReason: statistics")];
    assert_eq!(regimes(&World::new(&[]).store(&free)), ["EEA"]);
    let mut abroad = World::new(&[]).store(&free).store(&[("eu-west-1", "us-east-1")]);
    abroad.manifests[0] = edit(LTD, &[("country: IE", "country: US")]);
    assert_eq!(regimes(&abroad), [""; 0]);
}

#[test]
fn an_unknown_place_crosses_and_nothing_that_names_a_country_covers_it() {
    let world = World::new(&[SCC, DPF, CLAIM]).on("aws", "xx-nowhere-1");
    let Outcome::Uncovered { near, remedies } = world.outcome() else { panic!() };
    assert_eq!(near.len(), 3);
    assert_eq!(remedies, [Remedy::KnowPlace]);
    let mut none = World::new(&[SCC]);
    none.places.clear();
    assert!(none.decide().is_violation(), "no place at all is an unknown place");
}

#[test]
fn an_unknown_importer_is_covered_by_nothing_that_names_one() {
    let mut world = World::new(&[SCC, DPF]);
    world.namespace = "elsewhere";
    let Outcome::Uncovered { near, remedies } = world.outcome() else { panic!() };
    assert_eq!(&*near[0].what, "safeguard/scc");
    assert!(remedies.contains(&Remedy::NameImporter));
    assert!(!world.on("aws", "il-central-1").decide().is_violation(), "adequacy asks for no importer");
}

#[test]
fn a_namespace_that_two_parties_claim_belongs_to_nobody() {
    let other = edit(INC, &[("name: inc", "name: rival")]);
    let world = World::new(&[SCC, &other]);
    assert!(world.decide().is_violation());
    assert_eq!(world.decide().flows[0].flow.importer, None);
}

#[test]
fn a_store_that_is_not_declared_is_not_covered() {
    let mut world = World::new(&[SCC]);
    world.manifests.remove(2);
    let verdict = world.decide();
    assert!(verdict.is_violation());
    assert_eq!(verdict.flows.len(), 3);
}

#[test]
fn the_same_entity_abroad_is_judged_unless_it_is_only_reported() {
    let mut world = World::new(&[]);
    world.namespace = "identity";
    assert!(world.decide().is_violation());
    world.settings.same_entity_reported = true;
    assert_eq!(world.outcome(), Outcome::SameEntity);
    world.namespace = "analytics";
    assert!(world.decide().is_violation(), "the same group is not the same entity");
}

#[test]
fn nobody_is_bound_by_clauses_with_himself() {
    let own = edit(SCC, &[("importers: [inc]", "importers: [ltd]"), ("[analytics]", "[identity]")]);
    let mut world = World::new(&[&own]);
    world.namespace = "identity";
    assert_eq!(world.carried(), Err("safeguard/scc cannot bind ltd to itself".into()));
}

#[test]
fn every_category_of_a_dataset_must_be_covered_by_what_carries_it() {
    let world = World::new(&[SCC]).store(&[("[account.contact]", "[account.contact, online.usage]")]);
    assert_eq!(world.carried(), Err("safeguard/scc does not cover online.usage".into()));
}

#[test]
fn datasets_may_stand_on_different_safeguards() {
    let world = World::new(&[SCC, &edit(DPF, &[("{any: true}", "{categories: ['online.*']}")])]).store(&[(
        "  datasets:\n",
        "  datasets:\n  - {name: usage, categories: [online.usage], subjects: [Customer]}\n",
    )]);
    let verdict = world.decide();
    assert!(!verdict.is_violation());
    assert_eq!(
        verdict.relied_on().iter().map(|r| &**r).collect::<Vec<_>>(),
        ["safeguard/dpf", "safeguard/scc"]
    );
}

#[test]
fn the_best_preference_carries_and_the_others_are_named() {
    let Outcome::Carried { by, also, .. } = World::new(&[SCC, DPF]).outcome() else { panic!() };
    assert_eq!(
        (&*by, also.iter().map(|a| &**a).collect::<Vec<_>>()),
        ("safeguard/dpf", vec!["safeguard/scc"])
    );
    // By name where the preference is the same.
    let twin = edit(SCC, &[("name: scc", "name: aaa")]);
    let Outcome::Carried { by, .. } = World::new(&[SCC, &twin]).outcome() else { panic!() };
    assert_eq!(&*by, "safeguard/aaa");
}

#[test]
fn every_place_is_judged() {
    let mut world = World::new(&[]);
    world.places.extend(World::new(&[]).on("aws", "eu-central-1").places);
    let verdict = world.decide();
    assert_eq!(verdict.flows.len(), 2);
    assert!(verdict.is_violation());
}

#[test]
fn an_exception_waives_for_its_pods_until_its_end() {
    let world = World::new(&[EXCEPTION]);
    assert!(matches!(world.outcome(), Outcome::Waived { .. }));
    assert!(world.decide().is_waived() && !world.decide().is_violation());
    let mut other_labels = world.clone();
    other_labels.labels.clear();
    assert!(other_labels.decide().is_violation());
    let mut other_namespace = world.clone();
    other_namespace.namespace = "identity";
    assert!(other_namespace.decide().is_violation());
    assert!(World::new(&[&edit(EXCEPTION, &[("name: accounts", "name: other")])]).decide().is_violation());
    assert!(world.clone().when("2026-11-29T23:59:59.999999999Z").decide().is_waived());
    let ended = world.when("2026-11-30T00:00:00Z").carried();
    assert_eq!(ended, Err("exception/incident ended 2026-11-30T00:00:00Z".into()));
}

#[test]
fn a_safeguard_is_relied_on_before_an_exception() {
    assert!(matches!(World::new(&[SCC, EXCEPTION]).outcome(), Outcome::Carried { .. }));
}

#[test]
fn a_copy_is_judged_with_its_holder_and_place() {
    let copies = "  copies:\n  - {name: dr, kind: Replica, location: {provider: aws, region: us-east-1}, partyRef: {name: inc}}\n  datasets:\n";
    let copy = |world: World| {
        let world = world.store(&[("  datasets:\n", copies)]);
        decide_copy(&world.snapshot(), &World::uses()[0].store, "dr", world.now)
    };
    assert!(copy(World::new(&[])).is_violation());
    // The namespace of a copy is its store's.
    assert!(copy(World::new(&[SCC])).is_violation());
    assert!(!copy(World::new(&[&edit(SCC, &[("[analytics]", "[identity]")])])).is_violation());
    // Exceptions speak of workloads.
    let exception = edit(EXCEPTION, &[("namespace: analytics", "namespace: identity")]);
    assert!(copy(World::new(&[&exception])).is_violation());
    let mut nobody = World::new(&[&edit(SCC, &[("[analytics]", "[identity]")])]);
    nobody.manifests[1] = edit(INC, &[("name: inc", "name: other")]);
    assert!(copy(nobody).is_violation(), "a party that is only named carries nothing");
}

#[test]
fn a_deletion_job_is_judged_as_its_stores_exporter() {
    let mut world = World::new(&[]).on("aws", "eu-west-1");
    world.namespace = "identity";
    let ltd = Arc::from("ltd");
    let verdict = world.ask(|snapshot, request| decide_as(snapshot, request, Some(&ltd)));
    assert!(!verdict.is_violation());
    assert_eq!(verdict.flows[0].flow.importer.as_deref(), Some("ltd"));
}

#[test]
fn near_misses_are_bounded() {
    let ended = edit(SCC, &[("validThrough: '2028-01-14'", "validThrough: '2025-01-14'")]);
    let many: Vec<String> =
        (0..20).map(|i| edit(&ended, &[("name: scc", &format!("name: scc-{i:02}"))])).collect();
    let Outcome::Uncovered { near, .. } =
        World::new(&many.iter().map(String::as_str).collect::<Vec<_>>()).outcome()
    else {
        panic!()
    };
    assert_eq!(near.len(), 9);
    assert_eq!(near[8].why, "12 more came near");
}
