//! Label selectors.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::FieldError;
use crate::core::selector::{Requirement, Selector};

/// Reads a label selector. The error's path is relative to the selector.
pub fn selector(from: &LabelSelector) -> Result<Selector, FieldError> {
    let mut all = vec![];
    for (key, value) in from.match_labels.iter().flatten() {
        all.push(Requirement::In(key.clone(), BTreeSet::from([value.clone()])));
    }
    for (i, e) in from.match_expressions.iter().flatten().enumerate() {
        let values: BTreeSet<String> = e.values.iter().flatten().cloned().collect();
        let bad = |problem: &str, fix: &str| {
            Err(FieldError::new(format!("matchExpressions[{i}]"), format!("{}: {problem}", e.key), fix))
        };
        all.push(match (e.operator.as_str(), values.is_empty()) {
            ("In", false) => Requirement::In(e.key.clone(), values),
            ("NotIn", false) => Requirement::NotIn(e.key.clone(), values),
            ("Exists", true) => Requirement::Exists(e.key.clone()),
            ("DoesNotExist", true) => Requirement::DoesNotExist(e.key.clone()),
            ("In" | "NotIn", true) => return bad("has no values", "name at least one value"),
            ("Exists" | "DoesNotExist", false) => return bad("has values", "leave the values out"),
            (other, _) => {
                return bad(&format!("`{other}` is no operator"), "write In, NotIn, Exists or DoesNotExist");
            }
        });
    }
    Ok(Selector(all))
}
