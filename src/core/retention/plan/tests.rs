#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::core::{
    category::Category,
    retention::testing::{dataset, days, policy, rule, store},
    store::{Anchor, Engine},
};

const NOW: &str = "2026-06-10T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn decide(policies: &[&Policy], stores: &[&Store], holds: &[&Hold]) -> Vec<StorePlan> {
    let known = HoldScopeResolution::of_namespace("n", stores.iter().copied());
    let input = PlanInput {
        policies: policies.to_vec(),
        stores: stores.to_vec(),
        holds: holds.to_vec(),
        known,
        unreadable: BTreeSet::new(),
    };
    plan(&input, now())
}

fn kinds(plan: &StorePlan) -> Vec<FindingKind> {
    plan.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn every_category_needs_a_maximum() {
    let mut d = dataset("d", "a.x");
    d.categories.push(Category::parse("b.y").unwrap());
    let s = store("n", "s", vec![d]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let plans = decide(&[&p], &[&s], &[]);
    assert!(plans[0].targets.is_empty());
    assert_eq!(kinds(&plans[0]), [FindingKind::CategoryUncovered]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[]), rule("q", "b.y", days(20), &[])]);
    let target = &decide(&[&p], &[&s], &[])[0].targets[0];
    assert_eq!(target.clocks[0].cutoff, now() - (20 * 24).hours());
    assert_eq!(target.rules, ["q", "r"]);
}

#[test]
fn the_cut_off_never_lies_after_the_decision() {
    let s = store("n", "s", vec![dataset("d", "a.x")]);
    let mut p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    // The parser refuses this; the clocks do not rely on it.
    p.finish_before = days(700);
    assert_eq!(decide(&[&p], &[&s], &[])[0].targets[0].clocks[0].cutoff, now());
}

#[test]
fn a_ground_of_any_matching_policy_keeps_and_a_broken_promise_is_reported() {
    let s = store("n", "s", vec![dataset("d", "a.x")]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let q = policy("n", "q", vec![rule("r", "a.x", days(20), &[days(30)])]);
    let plans = decide(&[&p, &q], &[&s], &[]);
    assert!(plans.iter().all(|p| p.targets[0].clocks[0].cutoff == now() - (30 * 24).hours()));
    assert_eq!(kinds(&plans[0]), [FindingKind::PromiseBroken]);
}

#[test]
fn an_event_without_an_anchor_keeps_the_dataset() {
    let mut d = dataset("d", "a.x");
    d.anchors = vec![Anchor { event: "Ended".into(), source: AnchorSource::ModifiedTime }];
    let s = store("n", "s", vec![d]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let plans = decide(&[&p], &[&s], &[]);
    assert!(plans[0].targets.is_empty());
    assert_eq!(kinds(&plans[0]), [FindingKind::AnchorUnknown]);
}

#[test]
fn our_own_policy_never_touches_a_processors_dataset() {
    let mut d = dataset("d", "a.x");
    d.role = Role::Processor("acme".into());
    let s = store("n", "s", vec![d]);
    let mut p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    assert!(decide(&[&p], &[&s], &[])[0].targets.is_empty());
    p.instructed_by = Some("other".into());
    assert!(decide(&[&p], &[&s], &[])[0].targets.is_empty());
    p.instructed_by = Some("acme".into());
    assert_eq!(decide(&[&p], &[&s], &[])[0].targets.len(), 1);
}

#[test]
fn what_cannot_be_erased_is_kept_and_said() {
    let mut s = store("n", "s", vec![dataset("d", "a.x")]);
    let mut p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    p.rules[0].then = Then::Deidentify;
    assert_eq!(kinds(&decide(&[&p], &[&s], &[])[0]), [FindingKind::NotSupported]);
    s.engine = Engine::External;
    assert_eq!(kinds(&decide(&[&p], &[&s], &[])[0]), [FindingKind::EngineNotErased]);
    s.erased_here = false;
    assert!(decide(&[&p], &[&s], &[]).is_empty());
}

#[test]
fn a_policy_that_cannot_be_read_keeps_its_namespace() {
    let s = store("n", "s", vec![dataset("d", "a.x")]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let input = PlanInput {
        policies: vec![&p],
        stores: vec![&s],
        holds: vec![],
        known: HoldScopeResolution::of_namespace("n", [&s]),
        unreadable: BTreeSet::from(["n"]),
    };
    let plans = plan(&input, now());
    assert!(plans[0].targets.is_empty());
    assert_eq!(kinds(&plans[0]), [FindingKind::Unreadable]);
}

/// Two datasets on one table: `d` of category a.x, and `e` of b.y.
fn shared() -> Store {
    let mut e = dataset("e", "b.y");
    e.table = Some(("public".into(), "d".into()));
    store("n", "s", vec![dataset("d", "a.x"), e])
}

#[test]
fn what_one_dataset_of_a_table_keeps_all_keep() {
    let s = shared();
    let keeps = |p: &Policy, stores: &[&Store]| {
        let plans = decide(&[p], stores, &[]);
        assert!(plans.iter().all(|p| p.targets.iter().all(|t| &*t.dataset != "d")), "{plans:?}");
        let found = plans.iter().flat_map(|p| &p.findings).filter(|f| f.kind == FindingKind::SharedTable);
        assert_eq!(found.map(|f| f.dataset.as_deref()).next(), Some(Some("d")));
    };
    let only_a = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let both = policy("n", "p", vec![rule("r", "a.*", days(10), &[]), rule("q", "b.*", days(10), &[])]);
    // No rule speaks of it.
    keeps(&only_a, &[&s]);
    // It has a category without a maximum.
    let mut uncovered = s.clone();
    uncovered.datasets[1].categories.push(Category::parse("c.z").unwrap());
    keeps(&both, &[&uncovered]);
    // It is somebody else's.
    let mut processor = s.clone();
    processor.datasets[1].role = Role::Processor("acme".into());
    keeps(&both, &[&processor]);
    // It is to be made anonymous.
    let mut anonymous = both.clone();
    anonymous.rules[1].then = Then::Deidentify;
    keeps(&anonymous, &[&s]);
    // It has no anchor.
    let mut undated = s.clone();
    undated.datasets[1].anchors.clear();
    keeps(&both, &[&undated]);
    // Its event is read from another column.
    let mut other_column = s.clone();
    other_column.datasets[1].anchors[0].source =
        AnchorSource::Column { name: "opened_at".into(), reading: crate::core::store::ColumnReading::Native };
    keeps(&both, &[&other_column]);
    // It lies in another store by the same Secret: one that another cluster erases, or that no policy selects.
    let alone = store("n", "s", vec![dataset("d", "a.x")]);
    let mut elsewhere = store("n", "t", vec![dataset("d", "a.x")]);
    elsewhere.erased_here = false;
    keeps(&both, &[&alone, &elsewhere]);
    let mut unlabelled = store("n", "t", vec![dataset("d", "a.x")]);
    unlabelled.labels.clear();
    keeps(&both, &[&alone, &unlabelled]);
    // Another namespace's Secret of that name is another Secret.
    let far = store("m", "t", vec![dataset("d", "a.x")]);
    assert_eq!(decide(&[&both], &[&alone, &far], &[])[0].targets.len(), 1);
}

#[test]
fn a_table_goes_when_every_dataset_on_it_lets_go_and_is_counted_once() {
    let s = shared();
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[]), rule("q", "b.*", days(30), &[days(40)])]);
    let plan = &decide(&[&p], &[&s], &[])[0];
    assert_eq!(plan.findings.iter().filter(|f| f.kind == FindingKind::SharedTable).count(), 0);
    let [target] = &plan.targets[..] else { panic!("{plan:?}") };
    assert_eq!((&*target.dataset, &target.rules[..]), ("d", &["q".to_owned(), "r".into()][..]));
    assert_eq!(target.clocks[0].cutoff, now() - (40 * 24).hours());
    assert_eq!(target.clocks[0].due_at(target.clocks[0].cutoff, Period::default()), now());
}

#[test]
fn the_state_knows_the_other_datasets_of_a_table() {
    let s = store("n", "s", vec![dataset("d", "a.x")]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let alone = decide(&[&p], &[&s], &[])[0].state_hash.clone();
    let t = store("n", "t", vec![dataset("d", "a.y")]);
    let plans = decide(&[&p], &[&s, &t], &[]);
    assert_eq!((plans.len(), plans[0].targets.len()), (2, 1));
    assert_ne!(plans[0].state_hash, alone);
    // A ground that keeps the other's rows is part of it.
    let mut q = policy("n", "q", vec![rule("r", "a.y", days(10), &[days(90)])]);
    q.stores =
        crate::core::selector::Selector(vec![crate::core::selector::Requirement::Exists("only-t".into())]);
    let mut labelled = t.clone();
    labelled.labels.insert("only-t".into(), String::new());
    let with = decide(&[&p, &q], &[&s, &labelled], &[]);
    assert_eq!(with[0].targets[0].clocks[0].cutoff, now() - (90 * 24).hours());
    assert_ne!(with[0].state_hash, plans[0].state_hash);
}

#[test]
fn the_state_changes_with_what_decides_and_with_nothing_else() {
    let s = store("n", "s", vec![dataset("d", "a.x")]);
    let p = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
    let hash = |p: &Policy, s: &Store| decide(&[p], &[s], &[])[0].state_hash.clone();
    let base = hash(&p, &s);
    assert_eq!(base.len(), 71);
    let mut other = p.clone();
    other.generation = 9;
    other.rescan = days(3);
    assert_eq!(hash(&other, &s), base);
    other.rules[0].delete_after = days(9);
    assert_ne!(hash(&other, &s), base);
    let mut renamed = s.clone();
    renamed.datasets[0].table = Some(("public".into(), "t".into()));
    assert_ne!(hash(&p, &renamed), base);
    let mut anchored = s.clone();
    anchored.datasets[0].anchors[0].source = AnchorSource::Column {
        name: "closed_at".into(),
        reading: crate::core::store::ColumnReading::Epoch { per_second: 1 },
    };
    assert_ne!(hash(&p, &anchored), base);
    let name = super::super::run_name(&decide(&[&p], &[&s], &[])[0], now());
    assert!(name.starts_with("p-s-") && name.len() == 4 + 8);
}

/// Rules of the model, written apart from the code: walks forward from the row, never backward from now.
fn model_keeps(anchor: Option<i64>, delete: &[i64], keep: &[i64], held: bool) -> bool {
    let Some(age) = anchor else { return true };
    held || delete.iter().any(|d| age < *d) || keep.iter().any(|k| age < *k)
}

proptest! {
    #[test]
    fn a_held_undated_or_not_due_row_is_never_in_a_plan(
        delete in 1..200_i32,
        keep in proptest::collection::vec(1..300_i32, 0..3),
        held in any::<bool>(),
        ages in proptest::collection::vec(proptest::option::of(-10..400_i64), 1..30),
    ) {
        let grounds: Vec<_> = keep.iter().map(|k| days(*k)).collect();
        let s = store("n", "s", vec![dataset("d", "a.x")]);
        let p = policy("n", "p", vec![rule("r", "a.*", days(delete), &grounds)]);
        let hold = Hold::unreadable("h", "u");
        let holds: Vec<&Hold> = held.then_some(&hold).into_iter().collect();
        let plans = decide(&[&p], &[&s], &holds);
        let keep: Vec<_> = keep.iter().map(|k| i64::from(*k)).collect();
        for age in ages {
            let anchor = age.map(|a| now() - (a * 24).hours());
            let goes = plans[0].targets.iter().any(|t| t.lets_go(|_| anchor));
            prop_assert_eq!(goes, !model_keeps(age, &[i64::from(delete)], &keep, held));
        }
    }

    #[test]
    fn order_does_not_matter(seed in any::<u64>()) {
        let mut stores: Vec<_> = (0..4)
            .map(|i| store("n", &format!("s{i}"), vec![dataset("d", "a.x"), dataset("e", "b.y")]))
            .collect();
        let mut policies: Vec<_> = (0..3)
            .map(|i| policy("n", &format!("p{i}"), vec![
                rule("r", "a.*", days(10 + i), &[days(5 + i)]), rule("q", "b.*", days(20), &[]),
            ]))
            .collect();
        let mut holds: Vec<_> = (0..3).map(|i| Hold {
            datasets: [["d", "e", "x"][i].to_string()].into(), namespaces: [["n", "m", "n"][i].to_string()].into(),
            ..Hold::unreadable(format!("h{i}"), "u")
        }).collect();
        let run = |p: &[Policy], s: &[Store], h: &[Hold]| decide(
            &p.iter().collect::<Vec<_>>(), &s.iter().collect::<Vec<_>>(), &h.iter().collect::<Vec<_>>(),
        );
        let first = run(&policies, &stores, &holds);
        let turn = usize::try_from(seed % 7).unwrap();
        stores.rotate_left(turn % 4);
        policies.rotate_left(turn % 3);
        holds.rotate_left(turn % 3);
        if seed % 2 == 0 {
            for s in &mut stores {
                s.datasets.reverse();
            }
        }
        prop_assert_eq!(run(&policies, &stores, &holds), first);
    }
}
