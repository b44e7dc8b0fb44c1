//! `status`: what stands where, on one screen, as the operator last wrote it.

mod declared;
mod installation;
mod lapses;

use std::io::{self, Write};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Client, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Output},
    facts::{Facts, gather},
    table::{plain, table},
};
use crate::api::v1alpha1::{DataStore, DeletionRun, LegalHold, RetentionPolicy, RunPhase};
use declared::declared;
use installation::Installation;
use lapses::{Lapse, lapses};

/// Rows of a section; what is beyond is counted.
const ROWS: usize = 12;

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
    /// The answer cannot be put into JSON.
    #[error("failed to write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

/// Writes one screen about `namespace`, or about all.
pub async fn status(
    client: Client,
    operator: Option<&str>,
    namespace: Option<&str>,
    output: Output,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<Answer, StatusError> {
    show(&gather(&client, operator, namespace, now).await, output, out)
}

fn show(facts: &Facts, output: Output, out: &mut impl Write) -> Result<Answer, StatusError> {
    let installation = Installation::of(facts);
    let lapses = lapses(facts);
    let today = facts.now.to_zoned(TimeZone::UTC).date();
    let sections = [
        ("Stores", facts.stores.as_ref().map(|all| stores_section(all))),
        ("Retention policies", facts.policies.as_ref().map(|all| policies_section(all))),
        ("Deletion runs in progress", facts.runs.as_ref().map(|all| runs_section(all))),
        ("Holds in force", facts.holds.as_ref().map(|all| holds_section(all, today))),
    ];
    let mut findings = installation.findings.clone();
    findings.extend(lapses.findings.clone());
    let (broken, unread) = declared(facts);
    findings.extend(broken);
    let mut unknown = installation.unknown.clone();
    unknown.extend(lapses.unknown.clone());
    unknown.extend(unread);
    unknown
        .extend(sections.iter().filter_map(|(_, section)| section.as_ref().err()).map(ToString::to_string));
    unknown.sort();
    unknown.dedup();
    let answer = Answer::of(!findings.is_empty(), !unknown.is_empty());
    match output {
        Output::Json => {
            let sections: Vec<_> = sections.iter().map(|(name, section)| as_json(name, section)).collect();
            let report = Report {
                api_version: "screen.carnet.dev/v1",
                answer,
                findings: &findings,
                unknown: &unknown,
                installation: &installation,
                lapses: &lapses.next,
                sections,
            };
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
        Output::Text => {
            installation.write(out)?;
            lapses.write(facts.now, out)?;
            for (name, made) in sections {
                section(out, name, made)?;
            }
            for finding in &findings {
                writeln!(out, "! {}", plain(finding))?;
            }
            for why in &unknown {
                writeln!(out, "? {}", plain(why))?;
            }
        }
    }
    Ok(answer)
}

/// For machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    answer: Answer,
    findings: &'a [String],
    unknown: &'a [String],
    installation: &'a Installation,
    lapses: &'a [Lapse],
    sections: Vec<Value>,
}

/// Rows by the names of their columns, all of them.
fn as_json(name: &str, made: &Result<Section, &String>) -> Value {
    match made {
        Ok(Section { summary, head, rows }) => {
            let rows: Vec<Map<String, Value>> = rows
                .iter()
                .map(|row| {
                    head.iter().zip(row).map(|(key, cell)| (camel(key), cell.as_str().into())).collect()
                })
                .collect();
            json!({"name": name, "summary": summary, "rows": rows})
        }
        Err(why) => json!({"name": name, "unknown": why}),
    }
}

/// `NEXT CHANGE` as `nextChange`.
fn camel(head: &str) -> String {
    let mut words = head.split(' ').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |all, word| {
        let mut letters = word.chars();
        let upper: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        all + &upper + letters.as_str()
    })
}

/// One part of the screen.
struct Section {
    /// What the heading says beside the name.
    summary: String,
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn section(out: &mut impl Write, name: &str, made: Result<Section, &String>) -> io::Result<()> {
    match made {
        Ok(Section { summary, head, rows }) => {
            writeln!(out, "{name}: {summary}")?;
            if !rows.is_empty() {
                table(out, head, &rows[..rows.len().min(ROWS)])?;
            }
            if rows.len() > ROWS {
                writeln!(out, "  and {} more", rows.len() - ROWS)?;
            }
            Ok(())
        }
        // Why, it says at the end.
        Err(_) => writeln!(out, "{name}: not known"),
    }
}

fn stores_section(stores: &[DataStore]) -> Section {
    let mut rows = vec![];
    let (mut clean, mut violating) = (0, 0);
    for store in stores {
        let status = store.status.clone().unwrap_or_default();
        let answer = condition(&status.conditions, "NoViolation");
        // A store of which nothing is known comes before one of which nothing bad is known.
        let order = match answer {
            "False" => {
                violating += 1;
                0
            }
            "True" => {
                clean += 1;
                2
            }
            _ => 1,
        };
        let transfers = status.transfers.unwrap_or_default();
        let row = vec![
            key(store),
            status.country.unwrap_or_default(),
            answer.to_owned(),
            transfers.using.to_string(),
            transfers.violating.to_string(),
            transfers.waived.to_string(),
            transfers.violating_copies.to_string(),
            condition(&status.conditions, "Held").to_owned(),
            transfers.next_change.unwrap_or_default(),
        ];
        rows.push((order, row));
    }
    rows.sort();
    let unknown = stores.len() - clean - violating;
    Section {
        summary: format!(
            "{} ({violating} violating, {unknown} unknown, {clean} without violation)",
            stores.len()
        ),
        head: &[
            "STORE",
            "COUNTRY",
            "NO VIOLATION",
            "USING",
            "VIOLATING",
            "WAIVED",
            "COPIES",
            "HELD",
            "NEXT CHANGE",
        ],
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    }
}

fn policies_section(policies: &[RetentionPolicy]) -> Section {
    let mut rows: Vec<Vec<String>> = policies
        .iter()
        .map(|policy| {
            let status = policy.status.clone().unwrap_or_default();
            vec![
                key(policy),
                status.action.map(|action| format!("{action:?}")).unwrap_or_default(),
                status.stores.map(|n| n.to_string()).unwrap_or_default(),
                status.next_run.unwrap_or_default(),
                findings(&status.conditions).join(", "),
            ]
        })
        .collect();
    rows.sort();
    Section {
        summary: policies.len().to_string(),
        head: &["POLICY", "ACTION", "STORES", "NEXT RUN", "FINDINGS"],
        rows,
    }
}

fn runs_section(runs: &[DeletionRun]) -> Section {
    let mut rows: Vec<Vec<String>> = runs
        .iter()
        .filter_map(|run| {
            let status = run.status.clone().unwrap_or_default();
            let plan = status.plan;
            in_progress(status.phase).then(|| {
                vec![
                    key(run),
                    format!("{:?}", status.phase),
                    plan.as_ref().map(|p| p.due.to_string()).unwrap_or_default(),
                    plan.as_ref().map(|p| p.held.to_string()).unwrap_or_default(),
                    status.message.unwrap_or_default(),
                ]
            })
        })
        .collect();
    rows.sort();
    let awaiting = runs
        .iter()
        .filter(|run| run.status.as_ref().is_some_and(|s| s.phase == RunPhase::AwaitingApproval))
        .count();
    Section {
        summary: format!("{} ({awaiting} waiting for approval)", rows.len()),
        head: &["RUN", "PHASE", "DUE", "HELD", "MESSAGE"],
        rows,
    }
}

/// Exhaustive, so that a new phase is placed by a person.
fn in_progress(phase: RunPhase) -> bool {
    match phase {
        RunPhase::Planning | RunPhase::AwaitingApproval | RunPhase::Approved | RunPhase::Erasing => true,
        RunPhase::Succeeded
        | RunPhase::Previewed
        | RunPhase::NothingDue
        | RunPhase::Stopped
        | RunPhase::Failed
        | RunPhase::Cancelled => false,
    }
}

fn holds_section(holds: &[LegalHold], today: Date) -> Section {
    let mut rows: Vec<Vec<String>> = holds
        .iter()
        .filter(|hold| in_force(hold, today))
        .map(|hold| {
            vec![
                hold.name_any(),
                format!("{:?}", hold.spec.reason),
                hold.spec.reference.clone(),
                hold.spec.placed_on.clone(),
                hold.spec.review_by.clone().unwrap_or_default(),
            ]
        })
        .collect();
    rows.sort();
    Section {
        summary: rows.len().to_string(),
        head: &["HOLD", "REASON", "REFERENCE", "PLACED", "REVIEW BY"],
        rows,
    }
}

/// A release that cannot be read releases nothing.
fn in_force(hold: &LegalHold, today: Date) -> bool {
    let released = hold.spec.release.as_ref().and_then(|release| release.on.parse::<Date>().ok());
    released.is_none_or(|day| today < day)
}

fn findings(conditions: &[Condition]) -> Vec<String> {
    let mut found: Vec<String> = conditions
        .iter()
        .filter(|c| c.type_ != "Ready" && c.type_ != "NoViolation" && c.type_ != "ResolvedRefs")
        .filter(|c| c.status == "True")
        .map(|c| c.type_.clone())
        .collect();
    if condition(conditions, "Ready") == "False" {
        found.push("not Ready".into());
    }
    found
}

fn condition<'a>(conditions: &'a [Condition], kind: &str) -> &'a str {
    conditions.iter().find(|c| c.type_ == kind).map_or("Unknown", |c| &c.status)
}

fn key(object: &impl ResourceExt) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests;
