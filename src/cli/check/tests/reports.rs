//! The forms of a report.

use serde_json::Value;

use super::{
    super::{Format, Report, output},
    DECLARED, USING, report,
};

fn found() -> Report {
    report(&["--provider=aws", "--region=us-east-1"], &format!("{DECLARED}{USING}kind: x\n"))
}

fn written(format: Format) -> String {
    let mut out = vec![];
    output::write(format, &found(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn text_begins_each_finding_with_its_place_and_ends_with_a_summary() {
    let text = written(Format::Text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(
        lines[0].starts_with("m.yaml:26: violation: Deployment analytics/report: no safeguard"),
        "{text}"
    );
    assert!(lines[1].starts_with("m.yaml:39: invalid: Object 'apiVersion' is missing"), "{text}");
    assert_eq!(
        lines[2].split(" (at").next(),
        Some("4 judged, 0 skipped: 1 invalid, 1 violations, 0 warnings, 0 gaps, 0 notes")
    );
    assert!(text.contains("\n      would make it lawful"), "{text}");
}

#[test]
fn the_order_does_not_change() {
    for format in [Format::Text, Format::Json, Format::Sarif, Format::Junit] {
        assert_eq!(written(format), written(format));
    }
}

#[test]
fn json_has_every_finding_and_what_it_comes_to() {
    let json: Value = serde_json::from_str(&written(Format::Json)).unwrap();
    assert_eq!((&json["exitCode"], &json["summary"]["violations"]), (&2.into(), &1.into()));
    assert_eq!(json["findings"][0]["code"], "TransferNotCovered");
    assert_eq!((&json["findings"][0]["file"], &json["findings"][0]["line"]), (&"m.yaml".into(), &26.into()));
}

#[test]
fn sarif_names_file_and_line_and_a_rule_that_it_explains() {
    let sarif: Value = serde_json::from_str(&written(Format::Sarif)).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let found = &run["results"][0];
    assert_eq!((&found["ruleId"], &found["level"]), (&"TransferNotCovered".into(), &"error".into()));
    let place = &found["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "m.yaml");
    assert_eq!(place["region"]["startLine"], 26);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == found["ruleId"]));
}

#[test]
fn junit_has_a_test_for_each_object_with_failures_and_errors() {
    let xml = written(Format::Junit);
    assert!(xml.contains(r#"tests="5" skipped="0" errors="1" failures="1""#), "{xml}");
    assert!(xml.contains(r#"<testcase name="Party inc" classname="m.yaml""#), "{xml}");
    assert!(xml.contains(r#"<failure message="Deployment analytics/report: no safeguard"#), "{xml}");
}
