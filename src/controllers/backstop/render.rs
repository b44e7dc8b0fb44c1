//! From a compiled table to the object that the policies read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use jiff::Timestamp;

use super::Standing;
use crate::{
    api::v1alpha1::{BackstopRule, BackstopStanding, BackstopSummary, StoresByName, TransferBackstopSpec},
    core::backstop::{End, Names, Rule, Table},
};

/// Regions that a message names.
const SHOWN: usize = 8;
/// What did not fit, as far as it is named.
const NAMED: usize = 20;

/// The parameter object of a table.
pub fn table(table: &Table, next_change: Option<Timestamp>) -> TransferBackstopSpec {
    let Table { traces, stores, namespaces, classes, rules, left_out } = table;
    let mut words = names(&traces.words);
    // They lead to no store by themselves, and must be noticed all the same.
    let hosts = traces.ports.keys().filter(|host| !host.contains(':'));
    for host in hosts.chain(traces.buckets.keys()) {
        words.entry(host.clone()).or_default();
    }
    TransferBackstopSpec {
        secrets: names(&traces.secrets),
        erasure_secrets: names(&traces.erasure_secrets),
        secret_provider_classes: names(&traces.secret_provider_classes),
        config_maps: names(&traces.config_maps),
        persistent_volume_claims: names(&traces.claims),
        service_accounts: names(&traces.service_accounts),
        words,
        bare_words: names(&traces.bare_words),
        bare_pattern: pattern(&traces.bare_words),
        services: names(&traces.services),
        ports: names(&traces.ports),
        buckets: traces.buckets.iter().map(|(host, buckets)| (host.clone(), names(buckets))).collect(),
        stores: stores.iter().map(|(store, group)| (store.to_string(), group.clone())).collect(),
        namespaces: namespaces.clone(),
        classes: classes.clone(),
        rules: rules.iter().map(|(name, r)| (name.clone(), rule(r))).collect(),
        standing: BackstopStanding::default(),
        summary: BackstopSummary {
            stores: count(stores.len()),
            names: count(traces.lists().map(BTreeMap::len).sum::<usize>() + traces.erasure_secrets.len()),
            left_out: count(left_out.len()),
            first_left_out: left_out.iter().take(NAMED).cloned().collect(),
            next_change: next_change.map(|t| t.to_string()),
        },
    }
}

/// The parameter object of what running Pods stand on.
pub fn standing(standing: &Standing) -> TransferBackstopSpec {
    TransferBackstopSpec {
        standing: BackstopStanding {
            stores: standing.stores.iter().map(|(store, pods)| (store.to_string(), *pods)).collect(),
            safeguards: standing.safeguards.clone(),
        },
        ..TransferBackstopSpec::default()
    }
}

fn names(names: &Names) -> StoresByName {
    names.iter().map(|(name, stores)| (name.clone(), texts(stores))).collect()
}

fn texts<T: Display>(all: &BTreeSet<T>) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

/// Finds words as wholes: with what stands around them, since a regular expression here cannot look aside. What stands between
/// two of them can be found once, so that neighbours are found together. Words are letters, digits, `-` and `_`, none of
/// which means anything to a regular expression.
fn pattern(words: &Names) -> String {
    if words.is_empty() {
        return String::new();
    }
    let words: Vec<&str> = words.keys().map(String::as_str).collect();
    let other = r"[^-.\w[:^ascii:]]";
    format!(r"(?:^|{other})(?:[-.]*(?:{})\.?(?:$|{other}))+", words.join("|"))
}

fn rule(rule: &Rule) -> BackstopRule {
    BackstopRule {
        regions: rule.regions.iter().map(|(region, end)| (region.clone(), instant(*end))).collect(),
        anywhere: rule.anywhere.map(instant),
        waived_until: rule.waived_until.map(|t| instant(Some(t))),
        jobs_until: rule.jobs_until.map(instant),
        regimes: texts(&rule.regimes).join(" and "),
        says: says(rule),
    }
}

/// Whole seconds, since the creation time of a Pod has no parts of one; the rest of the last second is left out.
fn instant(end: End) -> String {
    end.map(|t| Timestamp::from_second(t.as_second()).unwrap_or(t).to_string()).unwrap_or_default()
}

/// `eu-west-1, us-east-1 until 2027-05-03T00:00:00Z and 33 more`: those that have nodes first.
fn says(rule: &Rule) -> String {
    let mut regions: Vec<(&String, &End)> = rule.regions.iter().collect();
    regions.sort_by_key(|(region, _)| (!rule.inhabited.contains(*region), *region));
    let said = |(region, end): &(&String, &End)| match end {
        None => (*region).clone(),
        Some(_) => format!("{region} until {}", instant(**end)),
    };
    let shown: Vec<String> = regions.iter().take(SHOWN).map(said).collect();
    match regions.len().saturating_sub(SHOWN) {
        0 if shown.is_empty() => "none".into(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{backstop::Traces, ids::ObjectKey};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn names_of(all: &[&str]) -> Names {
        all.iter().map(|name| ((*name).to_owned(), [ObjectKey::new("identity", "accounts")].into())).collect()
    }

    #[test]
    fn regions_are_said_with_their_ends_and_those_with_nodes_first() {
        let mut rule = Rule { inhabited: ["us-east-1".to_owned()].into(), ..Rule::default() };
        assert_eq!(says(&rule), "none");
        rule.regions.insert("eu-west-1".into(), None);
        rule.regions.insert("us-east-1".into(), Some(at("2027-05-03T00:00:00Z")));
        assert_eq!(says(&rule), "us-east-1 until 2027-05-03T00:00:00Z, eu-west-1");
        rule.regions.extend((0..9).map(|n| (format!("region-{n}"), None)));
        assert!(says(&rule).ends_with(" and 3 more"), "{}", says(&rule));
    }

    #[test]
    fn an_end_is_cut_to_the_second_in_which_it_lies() {
        assert_eq!(instant(Some(at("2027-05-03T00:00:00.999Z"))), "2027-05-03T00:00:00Z");
        assert_eq!(instant(None), "");
    }

    #[test]
    fn a_host_with_a_port_is_noticed_and_leads_nowhere_by_itself() {
        let ports = names_of(&["db.example.com", "db.example.com:5432"]);
        let traces = Traces { ports, ..Traces::default() };
        let spec = table(&Table { traces, ..Table::default() }, None);
        assert_eq!(spec.words, StoresByName::from([("db.example.com".into(), vec![])]));
        assert_eq!(spec.ports.len(), 2);
    }

    #[test]
    fn words_without_a_dot_are_found_by_a_pattern_and_none_by_no_pattern() {
        assert_eq!(pattern(&Names::new()), "");
        let other = r"[^-.\w[:^ascii:]]";
        let expected = format!(r"(?:^|{other})(?:[-.]*(?:db|my-db)\.?(?:$|{other}))+");
        assert_eq!(pattern(&names_of(&["my-db", "db"])), expected);
    }
}
