//! JUnit: each object is a test, and so is each text that cannot be read.

use std::{collections::BTreeMap, io::Write};

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::cli::check::{CheckError, Finding, Report, Severity};

/// Writes it.
pub fn write(report: &Report, out: &mut impl Write) -> Result<(), CheckError> {
    let mut tests: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for judged in &report.judged {
        tests.entry((&judged.spot.file, &judged.object)).or_default();
    }
    for finding in &report.findings {
        let object = if finding.object.is_empty() { "(text)" } else { &finding.object };
        tests.entry((&finding.spot.file, object)).or_default().push(finding);
    }
    let mut suite = TestSuite::new("carnet check");
    for ((file, object), findings) in tests {
        suite.add_test_case(test(file, object, &findings));
    }
    let mut junit = Junit::new("carnet");
    junit.add_test_suite(suite);
    junit.serialize(&mut *out).map_err(|error| CheckError::Format(error.to_string()))?;
    writeln!(out)?;
    Ok(())
}

fn test(file: &str, object: &str, findings: &[&Finding]) -> TestCase {
    let worst = findings.iter().min_by_key(|finding| finding.severity);
    let kind = worst.and_then(|finding| match finding.severity {
        Severity::Invalid => Some(NonSuccessKind::Error),
        Severity::Violation => Some(NonSuccessKind::Failure),
        Severity::Warning | Severity::Gap | Severity::Note => None,
    });
    let all: Vec<String> = findings
        .iter()
        .map(|finding| {
            let severity: &str = finding.severity.into();
            format!("{}:{}: {severity}: {}", finding.spot.file, finding.spot.line, finding.message)
        })
        .collect();
    let all = all.join("\n");
    let mut status = kind.map_or_else(TestCaseStatus::success, TestCaseStatus::non_success);
    if let (Some(_), Some(worst)) = (kind, worst) {
        status.set_message(worst.message.lines().next().unwrap_or_default());
        status.set_type(worst.code.as_str());
        status.set_description(all.clone());
    }
    let mut test = TestCase::new(object, status);
    test.set_classname(file);
    if kind.is_none() && !all.is_empty() {
        test.set_system_out(all);
    }
    test
}
