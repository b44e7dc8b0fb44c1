//! The matrix as one page that needs nothing else: a picture in SVG, and the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::Timestamp;

use super::matrix::{LEGEND, Matrix, Row, cell, heading, letter, rank};
use crate::core::{ids::ObjectKey, store::Place, transfer::Outcome};

/// Stores in the picture; beyond, it shows a wall of lines, and the table has them all.
const DRAWN: usize = 40;
/// Height of a box with its gap.
const STEP: usize = 46;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --line: #c8c8c8; --box: #f2f4f7;
  --N: #6b6b6b; --A: #1f6feb; --C: #2c7a3f; --L: #9a6700; --S: #57606a; --D: #57606a; --W: #8250df; --X: #c2182b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #141414; --line: #444; --box: #23272e;
  --N: #a0a0a0; --A: #6cb0ff; --C: #62c27a; --L: #e0a93b; --S: #a6adb8; --D: #a6adb8; --W: #c297ff; --X: #ff7b86; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 1.5rem; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg rect { fill: var(--box); stroke: var(--line); } svg .mark { fill: var(--paper); }
table { border-collapse: collapse; margin-top: 1rem; } caption { text-align: left; font-weight: bold; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
.N { color: var(--N); stroke: var(--N); } .A { color: var(--A); stroke: var(--A); } .C { color: var(--C); stroke: var(--C); }
.L { color: var(--L); stroke: var(--L); } .S { color: var(--S); stroke: var(--S); } .D { color: var(--D); stroke: var(--D); } .W { color: var(--W); stroke: var(--W); }
.X { color: var(--X); stroke: var(--X); } td.X { font-weight: bold; } li b { display: inline-block; width: 1.5em; }
";

/// The whole page.
pub fn page(matrix: &Matrix, law: &str, now: Timestamp, notes: &[String]) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Flows of personal data</title>\n<style>",
    );
    page.push_str(STYLE);
    page.push_str("</style>\n</head>\n<body>\n<h1>Flows of personal data</h1>\n");
    let _ = writeln!(page, "<p>By law pack {}, at {now}.</p>", escaped(law));
    for note in notes {
        let _ = writeln!(page, "<p>Not known: {}</p>", escaped(note));
    }
    picture(matrix, &mut page);
    page.push_str("<ul>\n");
    for (letter, meaning) in LEGEND {
        let _ = writeln!(page, "<li><b class=\"{letter}\">{letter}</b> {}</li>", escaped(meaning));
    }
    page.push_str("</ul>\n");
    rows(matrix, &mut page);
    page.push_str("</body>\n</html>\n");
    page
}

/// The worst outcome between each store and place.
fn edges(matrix: &Matrix) -> BTreeMap<(&ObjectKey, &Place), &Outcome> {
    let mut edges: BTreeMap<(&ObjectKey, &Place), &Outcome> = BTreeMap::new();
    for ((row, place), lines) in &matrix.cells {
        let Some(worst) = lines.first() else { continue };
        edges
            .entry((&row.store, place))
            .and_modify(|outcome| {
                if rank(&worst.outcome) > rank(outcome) {
                    *outcome = &worst.outcome;
                }
            })
            .or_insert(&worst.outcome);
    }
    edges
}

fn picture(matrix: &Matrix, page: &mut String) {
    let edges = edges(matrix);
    let mut homes: BTreeMap<&ObjectKey, &Place> = BTreeMap::new();
    for (row, home) in &matrix.rows {
        homes.insert(&row.store, home);
    }
    // The worst first, so that what is left out is what matters least.
    let mut stores: Vec<(&ObjectKey, &Place)> = homes.into_iter().collect();
    let worst = |store: &ObjectKey| {
        edges.iter().filter(|((of, _), _)| *of == store).map(|(_, outcome)| rank(outcome) + 1).max()
    };
    stores.sort_by_key(|(store, _)| (std::cmp::Reverse(worst(store)), (*store).clone()));
    let left_out = stores.len().saturating_sub(DRAWN);
    stores.truncate(DRAWN);
    let drawn: BTreeSet<&ObjectKey> = stores.iter().map(|(store, _)| *store).collect();
    let places: Vec<&Place> = matrix.places.iter().collect();
    let height = STEP * stores.len().max(places.len()).max(1) + 20;
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 900 {height}\" width=\"900\" height=\"{height}\" role=\"img\" \
         aria-label=\"Stores on the left, places on the right; each line is the worst flow between them, and its letter says \
         how it stands\">"
    );
    let middle = |n: usize| n * STEP + 10 + 18;
    for ((store, place), outcome) in &edges {
        if !drawn.contains(store) {
            continue;
        }
        let (Some(from), Some(to)) =
            (stores.iter().position(|(s, _)| s == store), places.iter().position(|p| p == place))
        else {
            continue;
        };
        edge(middle(from), middle(to), (from * 7 + to * 3) % 5, store, place, outcome, page);
    }
    for (n, (store, home)) in stores.iter().enumerate() {
        boxed(10, n, &store.to_string(), &format!("in {}", heading(home)), page);
    }
    for (n, place) in places.iter().enumerate() {
        boxed(590, n, &heading(place), "", page);
    }
    page.push_str("</svg>\n");
    if left_out > 0 {
        let _ = writeln!(page, "<p>{left_out} more stores are in the table alone.</p>");
    }
}

/// Pattern, width and letter say what the colour says.
fn edge(
    from: usize,
    to: usize,
    shift: usize,
    store: &ObjectKey,
    place: &Place,
    outcome: &Outcome,
    page: &mut String,
) {
    let mark = letter(outcome);
    let (dashes, width) = match mark {
        'N' => ("1 5", 2),
        'A' => ("12 4", 2),
        'C' => ("none", 2),
        'L' => ("12 4 2 4", 3),
        'S' => ("4 4", 2),
        'D' => ("8 2 1 2", 2),
        'W' => ("2 3 8 3", 3),
        _ => ("none", 5),
    };
    // Letters of lines that meet lie apart.
    let at = 38 + 6 * shift;
    let x = 310 + (590 - 310) * at / 100;
    let y = (from * (100 - at) + to * at) / 100;
    let title = format!("{store} to {}: {}", heading(place), crate::cli::said::outcome(outcome));
    let _ = writeln!(
        page,
        "<g class=\"{mark}\"><title>{}</title><line x1=\"310\" y1=\"{from}\" x2=\"590\" y2=\"{to}\" \
         stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"/><circle class=\"mark\" cx=\"{x}\" cy=\"{y}\" r=\"9\"/>\
         <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" stroke=\"none\">{mark}</text></g>",
        escaped(&title),
        y + 5
    );
}

fn boxed(x: usize, n: usize, first: &str, second: &str, page: &mut String) {
    let y = n * STEP + 10;
    let _ = write!(
        page,
        "<g><title>{0}</title><rect x=\"{x}\" y=\"{y}\" width=\"300\" height=\"36\" rx=\"5\"/>\
         <text x=\"{1}\" y=\"{2}\">{3}</text>",
        escaped(first),
        x + 8,
        if second.is_empty() { y + 23 } else { y + 15 },
        escaped(&short(first)),
    );
    if !second.is_empty() {
        let _ = write!(page, "<text x=\"{}\" y=\"{}\">{}</text>", x + 8, y + 30, escaped(&short(second)));
    }
    page.push_str("</g>\n");
}

fn short(text: &str) -> String {
    if text.chars().count() <= 40 { text.into() } else { text.chars().take(39).chain(['…']).collect() }
}

fn rows(matrix: &Matrix, page: &mut String) {
    page.push_str(
        "<table>\n<caption>Stores by place</caption>\n<thead><tr><th>Store</th><th>Dataset</th><th>In</th>",
    );
    for place in &matrix.places {
        let _ = write!(page, "<th>{}</th>", escaped(&heading(place)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (row, home) in &matrix.rows {
        let Row { store, dataset } = row;
        let _ = write!(
            page,
            "<tr><th>{}</th><td>{}</td><td>{}</td>",
            escaped(&store.to_string()),
            escaped(dataset),
            escaped(&heading(home))
        );
        for place in &matrix.places {
            let lines = matrix.cells.get(&(row.clone(), place.clone())).map_or(&[][..], Vec::as_slice);
            let class = lines.first().map(|line| letter(&line.outcome).to_string()).unwrap_or_default();
            let who: BTreeSet<String> =
                lines.iter().flat_map(|line| line.who.keys()).map(ToString::to_string).collect();
            let who = who.into_iter().map(|who| format!("<br>{}", escaped(&who))).collect::<String>();
            let _ = write!(page, "<td class=\"{class}\">{}{who}</td>", escaped(&cell(lines)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

/// Names come from others, and a browser obeys what it is sent.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_named_stays_text() {
        assert_eq!(
            escaped("<script>alert('x')</script>&\"\u{1b}"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}"
        );
    }
}
