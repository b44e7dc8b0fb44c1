//! RetentionPolicy.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{Errors, FieldError, category_pattern, period, selector};
use crate::{
    api::v1alpha1::{self as api, RetentionPolicy},
    core::{
        ids::ObjectKey,
        policy::{Approval, Limits, Period, Policy, Rule, Then, Window},
    },
};

/// Runs that are kept where the policy does not say.
const KEEP_RUNS: u32 = 20;

/// Reads a policy and fills in what it leaves out.
pub fn policy(from: &RetentionPolicy) -> Result<Policy, Errors> {
    let mut errors = Errors::default();
    let spec = &from.spec;
    let meta = &from.metadata;
    let stores = errors.take(selector(&spec.store_selector).map_err(|e| e.under("spec.storeSelector")));
    if stores.as_ref().is_some_and(crate::core::selector::Selector::is_empty) {
        errors.add("spec.storeSelector", "selects every store", "name at least one label");
    }
    let schedule = spec.schedule.clone().unwrap_or_default();
    let mut optional = |path: &str, text: Option<&String>, else_days: i32| {
        text.map_or(Some(Period { days: else_days, ..Period::default() }), |t| errors.take(period(path, t)))
    };
    let rescan = optional("spec.schedule.rescan", schedule.rescan.as_ref(), 1);
    let finish_before = optional("spec.schedule.finishBefore", schedule.finish_before.as_ref(), 0);
    if rescan == Some(Period::default()) {
        errors.add("spec.schedule.rescan", "is no time at all", "write P1D, or leave it out");
    }
    let instructed_by = basis(spec, &mut errors);
    let rules = rules(&spec.rules, &mut errors);
    for rule in &rules {
        // Else the cut-off would lie in the future, and what has not happened yet would be due.
        let long = finish_before.filter(|before| *before != Period::default());
        if long.is_some_and(|before| longest_seconds(before) >= shortest_seconds(rule.delete_after)) {
            errors.add(
                "spec.schedule.finishBefore",
                format!("is not shorter than deleteAfter of rule `{}`", rule.name),
                "shorten it: deletion begins so long before deleteAfter is over",
            );
        }
    }
    let window = schedule.window.as_ref().and_then(|w| window(w, &mut errors));
    let limits = limits(spec.limits.as_ref(), &mut errors);
    let value = || {
        Some(Policy {
            key: ObjectKey::new(
                meta.namespace.clone().unwrap_or_default(),
                meta.name.clone().unwrap_or_default(),
            ),
            uid: meta.uid.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or_default(),
            stores: stores?,
            instructed_by,
            applies: spec.action == Some(api::PolicyAction::Apply),
            approval: match spec.approval {
                Some(api::ApprovalMode::Always) => Approval::Always,
                Some(api::ApprovalMode::FirstRun) | None => Approval::FirstRun,
                Some(api::ApprovalMode::Never) => Approval::Never,
            },
            rules,
            window,
            rescan: rescan?,
            finish_before: finish_before?,
            limits,
        })
    };
    let value = value();
    errors.finish(value)
}

/// Seconds of a period at the least: wherever in the calendar it begins.
fn shortest_seconds(period: Period) -> i64 {
    // The least days that so many months in a row have, of one year.
    const LEAST: [i64; 12] = [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334];
    seconds(period, 365, &LEAST)
}

/// Seconds of a period at the most.
fn longest_seconds(period: Period) -> i64 {
    const MOST: [i64; 12] = [0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337];
    seconds(period, 366, &MOST)
}

fn seconds(period: Period, year: i64, months: &[i64; 12]) -> i64 {
    let Period { months: count, days, seconds } = period;
    let rest = usize::try_from(count.rem_euclid(12)).ok().and_then(|m| months.get(m)).copied();
    let whole = i64::from(count.div_euclid(12)) * year + rest.unwrap_or_default() + i64::from(days);
    whole.saturating_mul(86_400).saturating_add(seconds)
}

fn basis(spec: &api::RetentionPolicySpec, errors: &mut Errors) -> Option<std::sync::Arc<str>> {
    match (spec.basis.unwrap_or(api::Basis::Own), &spec.instruction) {
        (api::Basis::Own, None) => None,
        (api::Basis::Own, Some(_)) => {
            errors.add(
                "spec.instruction",
                "does not go with basis Own",
                "set basis: ControllerInstruction, or leave the instruction out",
            );
            None
        }
        (api::Basis::ControllerInstruction, Some(i)) => Some(i.controller_ref.name.as_str().into()),
        (api::Basis::ControllerInstruction, None) => {
            errors.add(
                "spec.instruction",
                "is missing with basis ControllerInstruction",
                "say whose it is: {controllerRef: {name: PARTY}, reference: WHERE}",
            );
            None
        }
    }
}

fn rules(from: &[api::RetentionRule], errors: &mut Errors) -> Vec<Rule> {
    if from.is_empty() {
        errors.add("spec.rules", "is empty", "write at least one rule");
    }
    let mut names = BTreeSet::new();
    let mut rules = vec![];
    for (i, rule) in from.iter().enumerate() {
        let at = format!("spec.rules[{i}]");
        if !names.insert(&rule.name) {
            errors.add(
                format!("{at}.name"),
                format!("`{}` is there twice", rule.name),
                "name each rule once",
            );
        }
        let mut categories = vec![];
        for (j, text) in rule.categories.iter().enumerate() {
            let path = format!("{at}.categories[{j}]");
            categories.extend(errors.take(category_pattern(&path, text)));
        }
        let mut grounds = vec![];
        for (j, ground) in rule.grounds.iter().enumerate() {
            let keep = period(&format!("{at}.grounds[{j}].keepAtLeast"), &ground.keep_at_least);
            grounds.extend(errors.take(keep).map(|p| (format!("{:?}", ground.kind), p)));
        }
        let Some(delete_after) = errors.take(period(&format!("{at}.deleteAfter"), &rule.delete_after)) else {
            continue;
        };
        if delete_after == Period::default() {
            errors.add(format!("{at}.deleteAfter"), "is no time at all", "write at least PT1S");
        }
        let then = match rule.then {
            api::RetentionOutcome::Delete => Then::Delete,
            api::RetentionOutcome::Deidentify => Then::Deidentify,
        };
        let (name, after) = (rule.name.clone(), rule.after.clone());
        rules.push(Rule { name, categories, after, delete_after, then, grounds });
    }
    rules
}

fn window(from: &api::Window, errors: &mut Errors) -> Option<Window> {
    let start = errors.take(minutes("spec.schedule.window.start", &from.start));
    let end = errors.take(minutes("spec.schedule.window.end", &from.end));
    if start.is_some() && start == end {
        errors.add(
            "spec.schedule.window.end",
            "is the same as start",
            "leave the window out for the whole day",
        );
    }
    let zone = match from.time_zone.as_deref() {
        None | Some("UTC") => Some(TimeZone::UTC),
        Some(name) => errors.take(TimeZone::get(name).map_err(|_| {
            FieldError::new(
                "spec.schedule.window.timeZone",
                format!("`{name}` is no time zone"),
                "write an IANA name such as Europe/Dublin",
            )
        })),
    };
    Some(Window { start: start?, end: end?, zone: zone? })
}

fn minutes(path: &str, text: &str) -> Result<u16, FieldError> {
    let two =
        |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<u16>().ok());
    let read = || {
        let (h, m) = text.split_once(':')?;
        let (h, m) = (two(h)??, two(m)??);
        (h < 24 && m < 60).then_some(h * 60 + m)
    };
    read().ok_or_else(|| FieldError::new(path, format!("`{text}` is no time of day"), "write HH:MM, quoted"))
}

fn limits(from: Option<&api::Limits>, errors: &mut Errors) -> Limits {
    let Some(from) = from else { return Limits { keep_runs: KEEP_RUNS, ..Limits::default() } };
    if from.max_items.is_some_and(|n| n < 0) {
        errors.add("spec.limits.maxItems", "is negative", "write a number from 0");
    }
    let share = from.max_share.as_ref().and_then(|t| errors.take(percent("spec.limits.maxShare", t)));
    let lag = from.max_replication_lag.as_ref();
    let lag = lag.and_then(|t| errors.take(milliseconds("spec.limits.maxReplicationLag", t)));
    let rate = from.items_per_second.map(|n| {
        u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| {
            FieldError::new("spec.limits.itemsPerSecond", format!("{n} is no rate"), "write a number from 1")
        })
    });
    Limits {
        max_items: from.max_items,
        max_share_percent: share,
        items_per_second: rate.and_then(|r| errors.take(r)),
        max_replication_lag_ms: lag,
        keep_runs: from.keep_runs.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(KEEP_RUNS),
    }
}

fn percent(path: &str, text: &str) -> Result<u8, FieldError> {
    let number = text.strip_suffix('%').filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    let read = number.and_then(|t| t.parse::<u8>().ok()).filter(|n| *n <= 100);
    read.ok_or_else(|| FieldError::new(path, format!("`{text}` is no share"), "write 0% to 100%"))
}

fn milliseconds(path: &str, text: &str) -> Result<u64, FieldError> {
    let read = || {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        match &text[digits..] {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            _ => None,
        }
    };
    read().ok_or_else(|| FieldError::new(path, format!("`{text}` is no duration"), "write 500ms, 10s or 2m"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn from(spec: &serde_json::Value) -> RetentionPolicy {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "RetentionPolicy",
            "metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn what_is_left_out_is_filled_in_carefully() {
        let p = policy(&from(&serde_json::json!({
            "storeSelector": {"matchLabels": {"a": "b"}},
            "rules": [{"name": "r", "categories": ["a.*"], "after": "E", "deleteAfter": "P3Y", "then": "Delete"}],
        })))
        .unwrap();
        assert!(!p.applies);
        assert_eq!(p.approval, Approval::FirstRun);
        assert_eq!((p.rescan.days, p.finish_before, p.limits.keep_runs), (1, Period::default(), 20));
        assert_eq!(p.instructed_by, None);
    }

    #[test]
    fn deletion_cannot_begin_before_the_event() {
        let read = |before: &str, after: &str| {
            policy(&from(&serde_json::json!({
                "storeSelector": {"matchLabels": {"a": "b"}},
                "rules": [{"name": "r", "categories": ["a.*"], "after": "E", "deleteAfter": after, "then": "Delete"}],
                "schedule": {"finishBefore": before},
            })))
        };
        for (before, after) in [
            ("P30D", "P3Y"),
            ("P27D", "P1M"),
            ("P364D", "P1Y"),
            ("P11M", "P1Y"),
            ("PT1H", "P1D"),
            ("P0D", "PT1S"),
        ] {
            assert!(read(before, after).is_ok(), "{before} {after}");
        }
        // A month is as short as 28 days, and as long as 31.
        for (before, after) in
            [("P2Y", "P10D"), ("P10D", "P10D"), ("P28D", "P1M"), ("P1M", "P31D"), ("P366D", "P1Y")]
        {
            let error = read(before, after).unwrap_err().to_string();
            assert!(error.contains("spec.schedule.finishBefore: "), "{before} {after}: {error}");
        }
    }

    #[test]
    fn every_problem_is_named_at_once_with_its_field() {
        let e = policy(&from(&serde_json::json!({
            "storeSelector": {},
            "basis": "ControllerInstruction",
            "rules": [
                {"name": "r", "categories": ["A"], "after": "E", "deleteAfter": "3 years", "then": "Delete",
                 "grounds": [{"kind": "Audit", "keepAtLeast": "P1"}]},
                {"name": "r", "categories": ["a"], "after": "E", "deleteAfter": "P0D", "then": "Delete"},
            ],
            "schedule": {"window": {"start": "1:00", "end": "25:00", "timeZone": "Mars/Base"}, "rescan": "P0D",
                         "finishBefore": "x"},
            "limits": {"maxShare": "120%", "maxReplicationLag": "10"},
        })))
        .unwrap_err()
        .to_string();
        for path in [
            "spec.storeSelector",
            "spec.instruction",
            "spec.rules[0].categories[0]",
            "spec.rules[0].deleteAfter",
            "spec.rules[0].grounds[0].keepAtLeast",
            "spec.rules[1].name",
            "spec.rules[1].deleteAfter",
            "spec.schedule.window.start",
            "spec.schedule.window.end",
            "spec.schedule.window.timeZone",
            "spec.schedule.rescan",
            "spec.schedule.finishBefore",
            "spec.limits.maxShare",
            "spec.limits.maxReplicationLag",
        ] {
            assert!(e.contains(&format!("{path}: ")), "{path} in\n{e}");
        }
    }
}
