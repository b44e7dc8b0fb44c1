//! The text format that everybody reads: Prometheus of any age, its `promtool`, agents of other makes, people.
//!
//! The library writes OpenMetrics, whose counters are described without the `_total` that their samples carry; a reader of
//! the older format takes such samples for metrics without type and help. So their description is put under the name of
//! the samples, and what only the newer format knows is left out.

use std::fmt::Write as _;

/// What the format is called in `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Turns OpenMetrics into the text format 0.0.4.
pub(super) fn classic(open: &str) -> String {
    let mut out = String::with_capacity(open.len() + 256);
    // The help line of a metric comes before the line that says whether it is a counter.
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, said)) = help.take_if(|(of, _)| *of == name) {
                let _ = writeln!(out, "# HELP {name}{total} {said}");
            }
            let _ = writeln!(out, "# TYPE {name}{total} {kind}");
        } else if !line.starts_with("# ") {
            sample(&mut out, line);
        }
    }
    out
}

/// A sample; infinity is spelt as every reader knows it.
fn sample(out: &mut String, line: &str) {
    let said = match line.rsplit_once(' ') {
        Some((series, "inf")) => writeln!(out, "{series} +Inf"),
        _ => writeln!(out, "{line}"),
    };
    debug_assert!(said.is_ok(), "a text takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples_and_nothing_else_changes() {
        let open = "# HELP a_b Help.\n# TYPE a_b counter\na_b_total{l=\"# TYPE x y inf\"} 3\n\
                    # HELP c_seconds H.\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\n\
                    c_seconds_bucket{le=\"+Inf\"} 1\n# HELP g G.\n# TYPE g gauge\ng inf\n# EOF\n";
        let text = "# HELP a_b_total Help.\n# TYPE a_b_total counter\na_b_total{l=\"# TYPE x y inf\"} 3\n\
                    # HELP c_seconds H.\n# TYPE c_seconds histogram\n\
                    c_seconds_bucket{le=\"+Inf\"} 1\n# HELP g G.\n# TYPE g gauge\ng +Inf\n";
        assert_eq!(classic(open), text);
    }
}
