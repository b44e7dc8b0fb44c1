//! The third door: `kubectl carnet check` on the manifests as a user would have them in a directory.

use std::collections::BTreeSet;

use carnet::cli::{
    Args, Command,
    check::{Code, Finding, Report, Severity, Text, examine},
};
use clap::Parser;
use serde_json::Value;

use crate::{
    table::{Case, Expected},
    world::{Mark, objects},
};

/// Whether the command ends as the column `exit` has it and says what the table expects, or why it cannot be asked.
pub fn answered(case: &Case) -> Result<bool, String> {
    let words = ["kubectl-carnet", "check", "--filename=-"].into_iter().chain(case.flags.split_whitespace());
    let args = Args::try_parse_from(words)
        .map_err(|e| format!("flags: {}", e.to_string().lines().next().unwrap_or_default()))?;
    let Command::Check(check) = args.command else { return Err("flags of another command".into()) };
    let texts: Vec<Text> = case
        .manifests()
        .into_iter()
        .enumerate()
        .map(|(n, text)| Text { file: n.to_string(), content: Ok(text) })
        .collect();
    let report = examine(&check, None, &texts, case.at()).map_err(|e| e.to_string())?;
    let exits = case.exit.split_whitespace().any(|exit| exit == report.exit_code().to_string());
    let says = match case.expected {
        Expected::Block => report.exit_code() == 2 || every_judged_object_violates(case, &report)?,
        Expected::Finding => says(&report, &case.code),
        Expected::Residual | Expected::Admitted => report.findings.iter().all(is_of_every_day),
    };
    Ok(exits && says)
}

/// Whether the report says what the reconciler says under this word.
fn says(report: &Report, word: &str) -> bool {
    let has = |code: Code| report.findings.iter().any(|finding| finding.code == code);
    match word {
        "TransferNotCovered" => has(Code::TransferNotCovered) || report.exit_code() == 2,
        "LastLeg" => has(Code::SingleLegged),
        "same-entity" => has(Code::SameEntity),
        _ => !report.findings.iter().all(is_of_every_day),
    }
}

/// Most of what is lawful stands on one safeguard alone.
fn is_of_every_day(finding: &Finding) -> bool {
    finding.code == Code::SingleLegged
}

fn every_judged_object_violates(case: &Case, report: &Report) -> Result<bool, String> {
    let violating: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Violation)
        .map(|finding| finding.object.as_str())
        .collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let judged = objects(case)?.into_iter().filter(|object| object.mark == Mark::Judged);
    Ok(judged.map(|object| object.value).all(|object| {
        let meta = &object["metadata"];
        let name = match (text(&meta["name"]), text(&meta["generateName"])) {
            (name, prefix) if name.is_empty() => format!("{prefix}*"),
            (name, _) => name,
        };
        let namespace = text(&meta["namespace"]);
        violating.contains(format!("{} {namespace}/{name}", text(&object["kind"])).as_str())
    }))
}
