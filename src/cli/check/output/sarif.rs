//! SARIF 2.1.0, which code scanning reads.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, Region,
    ReportingDescriptor, Result as Found, ResultLevel, Run, Sarif, Tool, ToolComponent,
};

use crate::cli::check::{Code, Finding, Report, Severity, Spot};

/// Where the schema of the format is.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let rules = Code::ALL.map(|code| {
        let meaning = MultiformatMessageString::builder().text(code.meaning()).build();
        ReportingDescriptor::builder().id(code.as_str()).short_description(meaning).build()
    });
    let driver = ToolComponent::builder()
        .name("carnet")
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .information_uri(env!("CARGO_PKG_REPOSITORY"))
        .rules(rules.to_vec())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .results(report.findings.iter().map(found).collect::<Vec<_>>())
        .build();
    let sarif = Sarif::builder().version("2.1.0").schema(SCHEMA).runs(vec![run]).build();
    serde_json::to_writer_pretty(&mut *out, &sarif)?;
    writeln!(out)
}

fn found(finding: &Finding) -> Found {
    let Finding { severity, code, spot: Spot { file, line }, object, message } = finding;
    let level = match severity {
        Severity::Invalid | Severity::Violation => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
        Severity::Gap | Severity::Note => ResultLevel::Note,
    };
    let text = if object.is_empty() || message.starts_with(object.as_str()) {
        message.clone()
    } else {
        format!("{object}: {message}")
    };
    let region = Region::builder().start_line(i64::try_from(*line).unwrap_or(1).max(1)).build();
    let place = PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri(file)).build())
        .region(region)
        .build();
    Found::builder()
        .rule_id(code.as_str())
        .level(level)
        .message(Message::builder().text(text).build())
        .locations(vec![Location::builder().physical_location(place).build()])
        .build()
}

/// A path as a reference: what has a meaning in one is escaped.
fn uri(path: &str) -> String {
    let mut text = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_escaped_and_stays_relative() {
        assert_eq!(uri("./k8s/a b.yaml"), "k8s/a%20b.yaml");
        assert_eq!(uri("/k8s/a.yaml"), "file:///k8s/a.yaml");
    }
}
