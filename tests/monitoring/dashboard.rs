//! The dashboard as a file: what Grafana needs, and what whoever looks at it needs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::text;

/// A panel that shows something.
pub struct Panel {
    /// Its title.
    pub title: String,
    /// Its queries.
    pub expressions: Vec<String>,
}

fn dashboard() -> Value {
    serde_json::from_str(&text("charts/carnet/monitoring/dashboard.json")).expect("the dashboard is JSON")
}

fn all(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().expect("panels").clone()
}

fn said<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Every panel, its queries as Prometheus gets them.
pub fn panels() -> Vec<Panel> {
    let shown = all(&dashboard()).into_iter().filter(|panel| panel["type"] != "row");
    shown
        .map(|panel| {
            let targets = panel["targets"].as_array().expect("targets");
            let as_sent = |target: &Value| {
                let expression = said(target, "/expr").replace("$__rate_interval", "10s");
                expression.replace("$job", "well|ill")
            };
            Panel {
                title: said(&panel, "/title").to_owned(),
                expressions: targets.iter().map(as_sent).collect(),
            }
        })
        .collect()
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_from_where() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    for panel in all(&dashboard) {
        let title = said(&panel, "/title");
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is another's");
        assert!(!title.is_empty());
        if panel["type"] == "row" {
            continue;
        }
        assert!(said(&panel, "/description").len() > 30, "{title}: say what it shows");
        assert!(!said(&panel, "/fieldConfig/defaults/unit").is_empty(), "{title}: name the unit");
        assert_eq!(said(&panel, "/datasource/uid"), "${datasource}", "{title}");
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(said(target, "/datasource/uid"), "${datasource}", "{title}");
            assert!(letters.insert(said(target, "/refId")), "{title}: two queries of one letter");
            let expression = said(target, "/expr");
            let left = expression.replace("$__rate_interval", "").replace("$job", "");
            assert!(!left.contains('$'), "{title}: {expression} has a variable that nobody sets");
            assert!(expression.contains("job=~\"$job\""), "{title}: {expression} is not of the chosen job");
        }
    }
}

#[test]
fn what_can_be_chosen_is_the_source_of_the_data_and_the_job() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let kinds: Vec<_> = variables.iter().map(|v| (said(v, "/name"), said(v, "/type"))).collect();
    assert_eq!(kinds, [("datasource", "datasource"), ("job", "query")]);
    assert_eq!((said(&dashboard, "/uid"), said(&dashboard, "/title")), ("carnet", "Carnet"));
    assert!(dashboard["id"].is_null(), "an id belongs to one Grafana");
}

#[test]
fn panels_lie_beside_each_other_and_not_on_each_other() {
    let mut taken = BTreeSet::new();
    for panel in all(&dashboard()) {
        let of = |key: &str| panel["gridPos"][key].as_u64().expect("a position");
        assert!(of("x") + of("w") <= 24, "{}", panel["title"]);
        for x in of("x")..of("x") + of("w") {
            for y in of("y")..of("y") + of("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
    }
}
