//! `status`: what stands where, on one screen, as the operator last wrote it.

use std::io::{self, Write};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Api, Client, Resource, ResourceExt};

use super::{list::list, table::table};
use crate::api::v1alpha1::{DataStore, DeletionRun, LegalHold, RetentionPolicy, RunPhase};

/// Rows of a section; what is beyond is counted.
const ROWS: usize = 20;

/// Why the screen is not whole.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Some kinds could not be listed; their sections say so.
    #[error("failed to list {}", .0.join(", "))]
    Lists(Vec<String>),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

/// Writes one screen about `namespace`, or about all.
pub async fn status(
    client: Client,
    namespace: Option<&str>,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), StatusError> {
    let stores = list(&namespaced::<DataStore>(&client, namespace)).await;
    let policies = list(&namespaced::<RetentionPolicy>(&client, namespace)).await;
    let runs = list(&namespaced::<DeletionRun>(&client, namespace)).await;
    let holds = list(&Api::<LegalHold>::all(client)).await;

    let today = now.to_zoned(TimeZone::UTC).date();
    let mut failed = vec![];
    section(out, "Stores", stores, stores_section, &mut failed)?;
    section(out, "Retention policies", policies, policies_section, &mut failed)?;
    section(out, "Deletion runs in progress", runs, runs_section, &mut failed)?;
    section(out, "Holds in force", holds, |holds| holds_section(holds, today), &mut failed)?;
    if failed.is_empty() { Ok(()) } else { Err(StatusError::Lists(failed)) }
}

fn namespaced<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// One part of the screen.
struct Section {
    /// What the heading says beside the name.
    summary: String,
    head: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

fn section<K>(
    out: &mut impl Write,
    name: &str,
    listed: Result<Vec<K>, kube::Error>,
    make: impl FnOnce(&[K]) -> Section,
    failed: &mut Vec<String>,
) -> io::Result<()> {
    match listed {
        Ok(objects) => {
            let Section { summary, head, rows } = make(&objects);
            writeln!(out, "{name}: {summary}")?;
            if !rows.is_empty() {
                table(out, head, &rows[..rows.len().min(ROWS)])?;
            }
            if rows.len() > ROWS {
                writeln!(out, "  and {} more", rows.len() - ROWS)?;
            }
        }
        Err(error) => {
            writeln!(out, "{name}: cannot be listed: {error}")?;
            failed.push(name.to_lowercase());
        }
    }
    Ok(())
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
