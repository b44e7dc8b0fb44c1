//! Every message that a user can meet has its entry in `docs/troubleshooting.md`. Messages are found where they are written:
//! error texts, reasons, sentences of refusals, conditions, runs and of `status`, findings of `doctor`, rules of schemas,
//! policies, and what the chart refuses; and what the API server says where it cannot ask.

mod found;
mod page;
#[path = "../architecture/source.rs"]
#[allow(dead_code, reason = "paths are for the layers")]
mod source;
mod words;

use std::{collections::BTreeMap, fs, path::PathBuf};

use page::Page;
use words::constant;

/// A file of the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(project(path)).expect("a readable file of the project")
}

fn page() -> Page {
    Page::read(&text("docs/troubleshooting.md"))
}

/// What has no entry, a line for each.
fn without_entry(messages: BTreeMap<String, String>, page: &Page) -> Vec<String> {
    let missing = messages.into_iter().filter(|(message, _)| !page.explains(message));
    missing.map(|(message, place)| format!("{place}: {message}")).collect()
}

#[track_caller]
fn every_one_has_an_entry(messages: BTreeMap<String, String>, at_least: usize) {
    assert!(messages.len() >= at_least, "only {} are found, so that something is not read", messages.len());
    let missing = without_entry(messages, &page());
    assert!(missing.is_empty(), "without an entry in docs/troubleshooting.md:\n{}", missing.join("\n"));
}

#[test]
fn every_error_of_a_command_the_operator_and_a_runner_has_an_entry() {
    every_one_has_an_entry(found::errors(), 70);
}

#[test]
fn every_sentence_of_a_refusal_a_condition_a_run_and_of_status_has_an_entry() {
    every_one_has_an_entry(found::sentences(), 150);
}

#[test]
fn every_rule_of_a_schema_has_an_entry() {
    every_one_has_an_entry(found::rules(), 45);
}

#[test]
fn every_refusal_of_a_policy_has_an_entry() {
    every_one_has_an_entry(found::policies(), 9);
}

#[test]
fn what_a_policy_puts_together_is_part_of_an_entry() {
    let (page, spoken) = (page(), found::spoken());
    assert!(spoken.len() >= 6, "only {} are found", spoken.len());
    for (part, place) in spoken {
        assert!(page.messages.iter().any(|message| message.contains(&part)), "{place}: {part}");
    }
}

#[test]
fn every_reason_of_a_condition_or_event_or_refused_run_has_an_entry() {
    let page = page();
    let reasons = found::reasons();
    assert!(reasons.len() >= 40, "only {} are found", reasons.len());
    let missing: Vec<_> = reasons.iter().filter(|(reason, _)| !page.reasons.contains(*reason)).collect();
    assert!(missing.is_empty(), "without an entry in docs/troubleshooting.md: {missing:?}");
}

#[test]
fn every_finding_of_doctor_has_an_entry() {
    let (page, findings) = (page(), found::findings());
    assert!(findings.len() >= 40, "only {} are found", findings.len());
    let missing: Vec<_> = findings.iter().filter(|(word, _)| !page.reasons.contains(*word)).collect();
    assert!(missing.is_empty(), "without an entry in docs/troubleshooting.md: {missing:?}");
}

#[test]
fn what_the_chart_refuses_has_an_entry() {
    every_one_has_an_entry(found::refused_by_the_chart(), 6);
}

#[test]
fn what_the_api_server_says_where_it_cannot_ask_has_an_entry() {
    every_one_has_an_entry(found::of_the_api_server(), 10);
}

#[test]
fn every_entry_says_what_it_means_and_what_to_do() {
    for row in page().rows {
        assert!(row.len() >= 3 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn no_entry_is_of_a_message_that_nobody_says_any_more() {
    let (said, spoken) = (found::everything(), found::spoken());
    let is_said = |m: &String| said.contains_key(m) || spoken.keys().any(|part| m.contains(part));
    let stale: Vec<_> = page().messages.into_iter().filter(|m| !is_said(m)).collect();
    assert!(stale.is_empty(), "nobody says: {}", stale.join("\n"));
}

#[test]
fn every_link_within_the_page_leads_somewhere() {
    let page = text("docs/troubleshooting.md");
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
    };
    let anchors: Vec<_> = page
        .lines()
        .filter(|l| l.starts_with('#'))
        .map(|l| anchor(l.trim_start_matches('#').trim()))
        .collect();
    for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.iter().any(|a| a == link), "#{link} leads nowhere");
    }
}

#[test]
fn a_message_without_an_entry_is_found() {
    let planted = ["the moon is made of {what}, so nothing is admitted", "would be {word}: {}"];
    let planted = planted.map(|message| (constant(message), "planted".to_owned()));
    assert_eq!(without_entry(planted.into(), &page()).len(), 2);
    assert!(!page().reasons.contains("MoonIsCheese"));
}
