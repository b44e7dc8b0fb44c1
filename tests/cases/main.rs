//! The table of `tests/cases`, written by hand before the code: each case is asked by every door that it names, by the same
//! code as the webhook, the reconciler and `kubectl carnet check` run. What is not answered as the table has it yet stands in
//! `unjudged.csv` with the reason, and must leave that list as soon as it is.

mod checked;
mod reconciled;
mod review;
mod said;
mod table;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use table::{Case, Expected, Unjudged, cases, unjudged};

/// Cases of object shapes, placement, scope, references and data paths that have to be there, whatever else is.
const IDS: &[&str] = &[
    "A01", "A02", "A03", "A04", "A05", "A06", "A08", "A09", "A10", "A11", "A12", "A13", "A15", "A16", "A17",
    "A18", "A20", "B01", "B01b", "B02", "B03", "B04", "B06", "B08", "B10", "B11", "B12", "C01", "C02", "C03",
    "C04", "C05", "C06", "C08", "C10", "C12", "D01", "D02", "D05", "D06", "D07", "D08", "D09", "D10", "E02",
    "E03", "E04", "E05", "E06", "E07",
];

/// Whether a case is answered as expected, or why it cannot be asked.
type Outcome = Result<bool, String>;

/// Who is asked.
type Door = (&'static str, fn(&Case) -> Outcome);

/// The doors that need no cluster.
const DOORS: [Door; 3] =
    [("webhook", review::answered), ("reconciler", reconciled::answered), ("check", checked::answered)];

/// Every case, with what came of it at each of its doors.
static ANSWERED: LazyLock<Vec<(Case, BTreeMap<&'static str, Outcome>)>> = LazyLock::new(|| {
    let judge = |case: Case| {
        let asked = DOORS.iter().filter(|(name, _)| case.doors.split_whitespace().any(|door| door == *name));
        let answered = asked.map(|(name, ask)| (*name, ask(&case))).collect();
        (case, answered)
    };
    cases().into_iter().map(judge).collect()
});

/// What is wrong with the answers to one case, given what is known of it.
fn wrong(case: &Case, answered: &BTreeMap<&'static str, Outcome>, known: &[Unjudged]) -> Vec<String> {
    let id = &case.id;
    let mut wrong = vec![];
    // A row that names no door says that the webhook at least is lacking: the others come with it.
    let whole = known.iter().find(|row| row.door.is_none());
    if let Some(row) = whole {
        if answered.values().all(|outcome| *outcome == Ok(true)) {
            wrong.push(format!("{id}: answered as expected now; take it off unjudged.csv ({})", row.why));
        } else if answered.get("webhook") == Some(&Ok(true)) {
            wrong.push(format!("{id}: the webhook is right: name the doors that are not, of {answered:?}"));
        }
        return wrong;
    }
    for (door, outcome) in answered {
        match (outcome, known.iter().find(|row| row.door.as_deref() == Some(*door))) {
            (Ok(true), None) | (Ok(false) | Err(_), Some(_)) => {}
            (Ok(true), Some(row)) => {
                wrong.push(format!("{id}: {door} is right now; take it off unjudged.csv ({})", row.why));
            }
            (Ok(false), None) => {
                wrong.push(format!("{id} by {door}: {:?} expected: {}", case.expected, case.situation));
            }
            (Err(why), None) => wrong.push(format!("{id} by {door}: cannot be asked: {why}")),
        }
    }
    wrong
}

#[test]
fn every_case_is_answered_by_every_door_as_the_table_has_it_or_says_why_not_yet() {
    let known = unjudged();
    let mut all = vec![];
    let mut seen = BTreeSet::new();
    let mut right: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, answered) in ANSWERED.iter() {
        assert!(seen.insert(&case.id), "{} is there twice", case.id);
        all.extend(wrong(case, answered, known.get(&case.id).map_or(&[], Vec::as_slice)));
        for (door, outcome) in answered {
            *right.entry(door).or_default() += usize::from(*outcome == Ok(true));
        }
    }
    let strangers: Vec<_> = known.keys().filter(|id| !seen.contains(id)).collect();
    assert!(strangers.is_empty(), "not in the table: {strangers:?}");
    assert!(all.is_empty(), "{} of {} cases ({right:?} right):\n{}", all.len(), seen.len(), all.join("\n"));
    for (door, least) in [("webhook", 250), ("reconciler", 200), ("check", 200)] {
        assert!(right[door] >= least, "only {} cases are answered by {door}", right[door]);
    }
}

#[test]
fn what_must_be_refused_is_never_let_in_by_a_case_that_can_be_asked() {
    let known = unjudged();
    let let_in: BTreeSet<_> = ANSWERED
        .iter()
        .filter(|(case, answered)| {
            case.expected == Expected::Block && answered.get("webhook") == Some(&Ok(false))
        })
        .filter(|(case, _)| {
            !known.get(&case.id).is_some_and(|rows| rows.iter().any(|row| row.why.starts_with("let in: ")))
        })
        .map(|(case, _)| &case.id)
        .collect();
    assert!(let_in.is_empty(), "let in, and the list does not say so: {let_in:?}");
}

#[test]
fn every_finding_has_the_word_under_which_it_is_told() {
    let asks_reconciler = |case: &Case| case.doors.split_whitespace().any(|door| door == "reconciler");
    let findings =
        cases().into_iter().filter(|case| case.expected == Expected::Finding && asks_reconciler(case));
    let silent: Vec<String> = findings.filter(|case| case.code.is_empty()).map(|case| case.id).collect();
    assert!(silent.is_empty(), "any finding would do for {silent:?}: give the column `code`");
}

/// Words of the tests that need a real API server, as far as they speak of this table.
fn words_of_real_clusters() -> BTreeSet<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster");
    let files = fs::read_dir(tests).expect("the tests of a real cluster");
    let files = files.map(|file| file.expect("a file").path()).filter(|path| path.is_file());
    let text: String = files.map(|path| fs::read_to_string(path).expect("a readable file")).collect();
    let comments = text.lines().filter(|line| line.starts_with("///") || line.starts_with("//!"));
    let ids = |line: &str| {
        let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    comments.flat_map(ids).collect()
}

#[test]
fn every_case_for_a_real_cluster_is_carried_by_a_test_there_that_names_it_or_says_why_not() {
    let (carried, known) = (words_of_real_clusters(), unjudged());
    let mut wrong = vec![];
    for case in cases().into_iter().filter(|case| case.doors.split_whitespace().any(|door| door == "cluster"))
    {
        let rows = known.get(&case.id).map_or(&[][..], Vec::as_slice);
        let is_listed = rows.iter().any(|row| row.door.as_deref() == Some("cluster"));
        if carried.contains(&case.id) == is_listed {
            wrong.push(case.id);
        }
    }
    assert!(
        wrong.is_empty(),
        "no test of tests/cluster names them, or one does and unjudged.csv has them: {wrong:?}"
    );
}

#[test]
fn every_case_that_has_to_be_there_is() {
    let there: BTreeSet<String> = cases().into_iter().map(|case| case.id).collect();
    let missing: Vec<_> = IDS.iter().filter(|id| !there.contains(**id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
