//! `doctor`: what is wrong with the installation and with what is declared, the worst first, each with a reason and what
//! to do. It changes nothing.

mod checks;
mod finding;

use std::io::{self, Write};

use jiff::Timestamp;
use kube::Client;
use serde::Serialize;

use super::{
    answer::{Answer, Output},
    facts::{Facts, gather, try_webhook},
    table::plain,
};
use finding::{Finding, Found, Severity};

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
    /// The answer cannot be put into JSON.
    #[error("failed to write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

/// Looks, and writes what is wrong.
pub async fn doctor(
    client: Client,
    operator: Option<&str>,
    namespace: Option<&str>,
    output: Output,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<Answer, DoctorError> {
    let mut facts = gather(&client, operator, namespace, now).await;
    facts.trial = try_webhook(&client, &facts).await;
    write(&checks::all(&facts), output, out)
}

/// For machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    answer: Answer,
    findings: &'a [Finding],
    unknown: &'a [String],
}

fn write(found: &Found, output: Output, out: &mut impl Write) -> Result<Answer, DoctorError> {
    let Found { findings, unknown } = found;
    let answer = Answer::of(!findings.is_empty(), !unknown.is_empty());
    match output {
        Output::Json => {
            let report = Report { api_version: "doctor.carnet.dev/v1", answer, findings, unknown };
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
        Output::Text => text(findings, unknown, out)?,
    }
    Ok(answer)
}

fn text(findings: &[Finding], unknown: &[String], out: &mut impl Write) -> io::Result<()> {
    for Finding { severity, code, what, next } in findings {
        let word = match severity {
            Severity::Broken => "BROKEN",
            Severity::Warning => "WARNING",
            Severity::Notice => "NOTICE",
        };
        writeln!(out, "{word} {code}")?;
        writeln!(out, "  {}", plain(what))?;
        writeln!(out, "  next: {}", plain(next))?;
    }
    if !unknown.is_empty() {
        writeln!(out, "NOT LOOKED AT")?;
        for why in unknown {
            writeln!(out, "  {}", plain(why))?;
        }
    }
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    match (findings.len(), unknown.len()) {
        (0, 0) => writeln!(out, "Nothing is wrong, as far as can be seen from here."),
        (0, _) => writeln!(out, "Nothing wrong was found in what could be looked at."),
        _ => writeln!(
            out,
            "{} broken, {} to mend soon, {} to look at.",
            of(Severity::Broken),
            of(Severity::Warning),
            of(Severity::Notice)
        ),
    }
}

#[cfg(test)]
mod tests;
