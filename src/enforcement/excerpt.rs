//! Two values side by side, short enough for a line.

use serde_json::Value;

/// Characters of a value.
const LONGEST: usize = 120;
/// Characters before the first difference.
const BEFORE: usize = 24;

/// Both values as JSON; long ones from shortly before where they part.
pub(super) fn both(expected: &Value, found: &Value) -> (String, String) {
    let (expected, found) = (expected.to_string(), found.to_string());
    let common = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    (cut(&expected, common), cut(&found, common))
}

/// One value as JSON, cut.
pub(super) fn one(value: &Value) -> String {
    cut(&value.to_string(), 0)
}

fn cut(text: &str, common: usize) -> String {
    let length = text.chars().count();
    if length <= LONGEST {
        return text.to_owned();
    }
    let from = common.saturating_sub(BEFORE).min(length - LONGEST);
    let piece: String = text.chars().skip(from).take(LONGEST).collect();
    let before = if from > 0 { "..." } else { "" };
    let after = if from + LONGEST < length { "..." } else { "" };
    format!("{before}{piece}{after}")
}
