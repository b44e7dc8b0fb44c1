use jiff::SignedDuration;

use super::*;
use crate::core::{
    settings::Mixed,
    transfer::tests::{EXCEPTION, SCC, at, edit},
};

const ACCESS: &str = "origins: [EEA]\n  access:\n    secrets: [{name: ro, namespace: analytics}, {name: own}]\n    \
                      services: [{name: db}]\n    hosts: [\"DB.example.com:5432\", any.example.com]";

fn with_access(more: &[&str]) -> World {
    enforced(World::new(more).store(&[("origins: [EEA]", ACCESS)]))
}

#[test]
fn a_stranger_may_be_where_the_data_has_not_left_or_is_adequate_by_itself() {
    let world = enforced(World::new(&[]));
    let compiled = compiled(&world);
    for (region, allowed) in
        [("eu-west-1", true), ("eu-central-1", true), ("us-east-1", false), ("ap-southeast-2", false)]
    {
        assert_eq!(allows(&compiled, "made-tomorrow", region, world.now), allowed, "{region}");
    }
    assert!(!allows(&compiled, "made-tomorrow", "no-such-region", world.now));
}

#[test]
fn a_region_is_allowed_before_its_end_and_neither_at_it_nor_after() {
    // The assessment is due on 2027-02-01 and carries for 90 days more.
    let end = at("2027-05-03");
    let second = SignedDuration::from_secs(1);
    let mut world = enforced(World::new(&[SCC]));
    let early = compiled(&world);
    for (when, allowed) in [(end - second, true), (end, false), (end + second, false)] {
        // By the table that was compiled long before, and by the one of that very instant.
        assert_eq!(allows(&early, "analytics", "us-east-1", when), allowed, "{when}");
        world.now = when;
        assert_eq!(allows(&compiled(&world), "analytics", "us-east-1", when), allowed, "{when}");
    }
    assert!(!allows(&early, "other", "us-east-1", world.now), "it is for analytics alone");
}

#[test]
fn what_begins_later_is_not_allowed_before_it_is_compiled_anew() {
    let mut world =
        enforced(World::new(&[&edit(SCC, &[("completedOn: '2026-02-01'", "completedOn: '2026-12-01'")])]));
    let early = compiled(&world);
    assert!(!allows(&early, "analytics", "us-east-1", at("2026-12-01")));
    assert_eq!(early.next_change, Some(at("2026-12-01")));
    world.now = at("2026-12-01");
    assert!(allows(&compiled(&world), "analytics", "us-east-1", world.now));
}

#[test]
fn an_exception_settles_nothing_until_it_ends() {
    let world = enforced(World::new(&[EXCEPTION]));
    let compiled = compiled(&world);
    let rule = rule(&compiled.cluster, "analytics", &accounts()).unwrap();
    assert_eq!(rule.waived_until, Some(at("2026-11-30")));
    assert!(!rule.regions.contains_key("us-east-1"));
    assert!(compiled.next_change.is_some_and(|next| next <= at("2026-11-30")));
}

#[test]
fn a_derogation_settles_nothing_for_jobs_and_everything_for_others() {
    let text = "{apiVersion: carnet.dev/v1alpha1, kind: TransferSafeguard, metadata: {name: claim}, spec: {instrument: \
                {derogation: {regime: EEA, ground: LegalClaims, exporters: [ltd], importers: [inc], record: r}}, scope: \
                {namespaces: [analytics]}, validThrough: '2026-11-30'}}";
    let mut world = enforced(World::new(&[text]));
    let jobs_until = |world: &World, namespace: &str| {
        let compiled = compiled(world);
        assert!(!allows(&compiled, namespace, "us-east-1", world.now));
        rule(&compiled.cluster, namespace, &accounts()).unwrap().jobs_until
    };
    assert_eq!(jobs_until(&world, "analytics"), None, "--derogations");
    world.settings.derogations_for_jobs = true;
    assert_eq!(jobs_until(&world, "analytics"), Some(Some(at("2026-12-01"))));
    assert_eq!(jobs_until(&world, "other"), None);
    world.now = at("2026-12-01");
    assert_eq!(jobs_until(&world, "analytics"), None, "it has ended");
}

#[test]
fn a_name_that_two_providers_share_must_be_lawful_with_both() {
    let world = enforced(World::new(&[]));
    let region = "eu-west-1";
    let alone = compile(&snapshot(&world, &[("aws", region)]), world.now);
    assert!(allows(&alone, "other", region, world.now));
    let both = compile(&snapshot(&world, &[("aws", region), ("homegrown", region)]), world.now);
    assert!(!allows(&both, "other", region, world.now));
}

#[test]
fn a_pod_that_names_no_region_passes_only_where_that_is_wanted_and_every_node_would_do() {
    let mut world = enforced(World::new(&[]));
    let anywhere = |world: &World, nodes: &[(&str, &str)]| {
        let compiled = compile(&snapshot(world, nodes), world.now);
        rule(&compiled.cluster, "other", &accounts()).unwrap().anywhere
    };
    assert_eq!(anywhere(&world, &[("aws", "eu-west-1"), ("aws", "eu-central-1")]), None);
    world.settings.backstop_admits_unpinned = true;
    assert_eq!(anywhere(&world, &[("aws", "eu-west-1"), ("aws", "eu-central-1")]), Some(None));
    assert_eq!(anywhere(&world, &NODES), None);
    assert_eq!(anywhere(&world, &[]), None);
    world.settings.mixed = Mixed::Bind;
    assert_eq!(anywhere(&world, &NODES), Some(None));
    assert_eq!(anywhere(&world, &[("aws", "us-east-1")]), None);
}

#[test]
fn what_is_not_enforced_and_who_is_exempt_is_not_judged() {
    let mut world = with_access(&[]);
    world.settings.mode = Mode::Warn;
    assert_eq!(compiled(&world).cluster, Table::default());
    let mut strict = snapshot(&world, &NODES);
    strict.namespaces.insert("other".into(), Namespace { mode: Some(Mode::Enforce), terminating: false });
    let strict = compile(&strict, world.now);
    assert!(!allows(&strict, "other", "us-east-1", world.now));
    assert!(allows(&strict, "analytics", "us-east-1", world.now));
    world.settings.mode = Mode::Enforce;
    world.settings.exempt.insert("analytics".into());
    let exempt = compiled(&world);
    assert!(allows(&exempt, "analytics", "us-east-1", world.now));
    assert!(!exempt.namespaces.contains_key("analytics") && exempt.namespaces.contains_key("identity"));
}

#[test]
fn references_count_in_their_namespace_and_words_as_far_as_the_claims_reach() {
    let mut world = with_access(&[]);
    let everywhere = compiled(&world);
    let words = traces(&everywhere.cluster);
    for word in ["db.example.com:5432", "db.example.com", "any.example.com", "db.identity", "db.identity.svc"]
    {
        assert!(words.contains_key(word), "{word} is not in {words:?}");
    }
    assert!(!words.contains_key("db"));
    let secrets = |namespace: &str| -> Vec<String> {
        everywhere
            .namespaces
            .get(namespace)
            .map(|t| t.traces.secrets.keys().cloned().collect())
            .unwrap_or_default()
    };
    assert_eq!((secrets("analytics"), secrets("identity")), (vec!["ro".to_owned()], vec!["own".to_owned()]));
    assert!(everywhere.namespaces["identity"].traces.bare_words.contains_key("db"));
    assert!(!everywhere.namespaces.contains_key("other"));

    world.settings.claims_from = ClaimsFrom::Namespaces([].into());
    let near = compiled(&world);
    assert!(traces(&near.cluster).is_empty());
    assert!(!near.namespaces.contains_key("analytics"));
    assert!(traces(&near.namespaces["identity"]).contains_key("any.example.com"));
}

#[test]
fn references_of_a_namespace_that_is_not_there_are_in_the_object_for_the_cluster() {
    let world = with_access(&[]);
    let there = snapshot(&world, &NODES);
    let (mut gone, mut going) = (there.clone(), there.clone());
    gone.namespaces.remove("analytics");
    going.namespaces.insert("analytics".into(), Namespace { mode: None, terminating: true });
    for to_come in [gone, going] {
        let compiled = compile(&to_come, world.now);
        assert!(!compiled.namespaces.contains_key("analytics"));
        assert_eq!(compiled.cluster.traces.secrets["analytics/ro"], [accounts()].into());
        assert!(!allows(&compiled, "analytics", "us-east-1", world.now));
    }
    let compiled = compile(&there, world.now);
    assert!(compiled.cluster.traces.secrets.is_empty());
    assert!(compiled.namespaces["analytics"].traces.secrets.contains_key("ro"));
}

#[test]
fn words_of_a_namespace_that_is_not_there_do_not_count_in_others() {
    let mut world = with_access(&[]);
    world.settings.exempt.insert("analytics".into());
    let mut gone = snapshot(&world, &NODES);
    gone.namespaces.clear();
    let compiled = compile(&gone, world.now);
    let traces = &compiled.cluster.traces;
    assert!(traces.bare_words.is_empty() && traces.services.contains_key("db.identity"));
    assert!(traces.secrets.contains_key("identity/own") && !traces.secrets.contains_key("analytics/ro"));
}

#[test]
fn a_secret_that_erases_is_guarded_whatever_is_enforced() {
    let mut world = enforced(World::new(&[]).store(&[(
        "engine: {external: {description: a test}}",
        "engine: {postgres: {credentialsSecretRef: {name: eraser}}}",
    )]));
    world.settings.mode = Mode::Audit;
    let compiled = compiled(&world);
    assert!(compiled.namespaces["identity"].traces.erasure_secrets.contains_key("eraser"));
    assert!(compiled.namespaces["identity"].stores.is_empty());
}
