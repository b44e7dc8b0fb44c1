//! For people: a line for each finding, what the webhook says beyond it indented, and a summary.

use std::io::{self, Write};

use crate::cli::{
    check::{Finding, Report, Severity, Spot},
    table::plain,
};

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for Finding { severity, code: _, spot: Spot { file, line }, object, message } in &report.findings {
        let mut lines = message.lines();
        let first = lines.next().unwrap_or_default();
        // The webhook's own sentence often begins with whom it speaks of.
        let of = if object.is_empty() || first.starts_with(object.as_str()) {
            String::new()
        } else {
            format!("{}: ", plain(object))
        };
        let severity: &str = severity.into();
        writeln!(out, "{}:{line}: {severity}: {of}{}", plain(file), plain(first))?;
        for line in lines {
            writeln!(out, "    {}", plain(line))?;
        }
    }
    for hint in &report.hints {
        writeln!(out, "hint: {hint}")?;
    }
    let skipped: usize = report.skipped.values().sum();
    writeln!(
        out,
        "{} judged, {} skipped: {} invalid, {} violations, {} warnings, {} gaps, {} notes (at {}, law pack {})",
        report.judged.len(),
        skipped,
        report.count(Severity::Invalid),
        report.count(Severity::Violation),
        report.count(Severity::Warning),
        report.count(Severity::Gap),
        report.count(Severity::Note),
        report.at,
        report.law
    )?;
    if skipped > 0 {
        let kinds: Vec<_> =
            report.skipped.iter().map(|(kind, count)| format!("{} ({count})", plain(kind))).collect();
        writeln!(out, "skipped, of kinds that are not judged: {}", kinds.join(", "))?;
    }
    Ok(())
}
