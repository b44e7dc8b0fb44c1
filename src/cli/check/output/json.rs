//! For machines: the report as it is, with what it comes to.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::check::{Report, Severity};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out<'a> {
    exit_code: u8,
    summary: Summary,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct Summary {
    judged: usize,
    skipped: usize,
    invalid: usize,
    violations: usize,
    warnings: usize,
    gaps: usize,
    notes: usize,
}

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let summary = Summary {
        judged: report.judged.len(),
        skipped: report.skipped.values().sum(),
        invalid: report.count(Severity::Invalid),
        violations: report.count(Severity::Violation),
        warnings: report.count(Severity::Warning),
        gaps: report.count(Severity::Gap),
        notes: report.count(Severity::Note),
    };
    serde_json::to_writer_pretty(&mut *out, &Out { exit_code: report.exit_code(), summary, report })?;
    writeln!(out)
}
