#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::core::retention::testing::{dataset, store};

fn hold(namespaces: &[&str], stores: &[&str], datasets: &[&str]) -> Hold {
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Hold {
        namespaces: set(namespaces),
        stores: set(stores),
        datasets: set(datasets),
        ..Hold::unreadable("h", "u")
    }
}

fn known<'a>(stores: &[&'a Store]) -> HoldScopeResolution<'a> {
    let namespaces = stores.iter().map(|s| &*s.key.namespace).collect();
    HoldScopeResolution { stores: stores.to_vec(), namespaces, only: None }
}

#[test]
fn everything_named_must_match_and_nothing_named_is_everything() {
    let a = store(
        "identity",
        "accounts",
        vec![dataset("accounts", "account.contact"), dataset("usage", "online.usage")],
    );
    let b = store("shop", "orders", vec![dataset("orders", "order.items")]);
    let known = known(&[&a, &b]);
    let covers = |h: &Hold| [(&a, 0), (&a, 1), (&b, 0)].map(|(s, d)| h.covers(s, &s.datasets[d], &known));
    assert_eq!(covers(&hold(&[], &[], &[])), [true; 3]);
    assert_eq!(covers(&hold(&["identity"], &[], &[])), [true, true, false]);
    assert_eq!(covers(&hold(&["identity"], &["accounts"], &["usage"])), [false, true, false]);
    assert_eq!(covers(&hold(&[], &["orders"], &[])), [false, false, true]);
}

#[test]
fn a_name_that_is_not_found_widens_to_its_namespace_and_then_the_cluster() {
    let a = store(
        "identity",
        "accounts",
        vec![dataset("accounts", "account.contact"), dataset("usage", "online.usage")],
    );
    let b = store("shop", "orders", vec![dataset("orders", "order.items")]);
    let known = known(&[&a, &b]);
    let covers = |h: &Hold| [(&a, 0), (&a, 1), (&b, 0)].map(|(s, d)| h.covers(s, &s.datasets[d], &known));
    let typo = hold(&["identity"], &["accounts"], &["acounts"]);
    assert_eq!(covers(&typo), [true, true, false]);
    assert!(typo.widened(&known).unwrap().contains("dataset acounts"));
    assert_eq!(covers(&hold(&["identity"], &["acounts"], &[])), [true, true, false]);
    assert_eq!(covers(&hold(&["idntity"], &["accounts"], &[])), [true; 3]);
    assert_eq!(covers(&hold(&[], &["acounts"], &[])), [true; 3]);
    let mut category = hold(&["identity"], &[], &[]);
    category.categories = vec![CategoryPattern::parse("acount.*").unwrap()];
    assert_eq!(covers(&category), [true, true, false]);
}

#[test]
fn the_same_table_under_another_name_is_held_too() {
    let mut a = store("identity", "accounts", vec![dataset("accounts", "account.contact")]);
    let mut b = store("identity", "alias", vec![dataset("people", "account.contact")]);
    for s in [&mut a, &mut b] {
        s.datasets[0].table = Some(("public".into(), "accounts".into()));
    }
    let known = known(&[&a, &b]);
    assert!(hold(&["identity"], &["accounts"], &[]).covers(&b, &b.datasets[0], &known));
    b.datasets[0].table = Some(("public".into(), "others".into()));
    let known = self::known(&[&a, &b]);
    assert!(!hold(&["identity"], &["accounts"], &[]).covers(&b, &b.datasets[0], &known));
}

#[test]
fn a_runner_that_sees_one_namespace_takes_what_it_cannot_find_for_a_hold() {
    let a = store("identity", "accounts", vec![dataset("accounts", "account.contact")]);
    let known = HoldScopeResolution::of_namespace("identity", [&a]);
    let covers = |h: &Hold| h.covers(&a, &a.datasets[0], &known);
    assert!(covers(&hold(&["identity"], &["accounts"], &["accounts"])));
    assert!(!covers(&hold(&["shop"], &["orders"], &[])));
    assert!(covers(&hold(&[], &["orders"], &[])));
}
