//! The table of `tests/cases`, written by hand before the code: each case is judged as the webhook would judge it, by the same
//! code. What is not answered as the table has it yet stands in `unjudged.csv` with the reason, and must leave that list as
//! soon as it is.

mod review;
mod table;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use table::{Case, Expected, cases, unjudged};

/// Whether a case is answered as expected, or why it cannot be asked; none where the webhook is not to judge it.
type Outcome = Option<Result<bool, String>>;

/// Every case, with what came of it.
static ANSWERED: LazyLock<Vec<(Case, Outcome)>> = LazyLock::new(|| {
    let judge = |case: Case| {
        let answered = case.doors.contains("webhook").then(|| review::answered(&case));
        (case, answered)
    };
    cases().into_iter().map(judge).collect()
});

#[test]
fn every_case_is_answered_as_the_table_has_it_or_says_why_not_yet() {
    let known = unjudged();
    let mut wrong = vec![];
    let mut seen = BTreeSet::new();
    let mut right = 0;
    for (case, answered) in ANSWERED.iter() {
        assert!(seen.insert(&case.id), "{} is there twice", case.id);
        let Some(answered) = answered else { continue };
        match (answered, known.get(&case.id)) {
            (Ok(true), None) => right += 1,
            (Ok(true), Some(why)) => {
                wrong
                    .push(format!("{}: answered as expected now; take it off unjudged.csv ({why})", case.id));
            }
            (Ok(false), None) => {
                wrong.push(format!("{}: {:?} expected: {}", case.id, case.expected, case.situation));
            }
            (Err(why), None) => wrong.push(format!("{}: cannot be asked: {why}", case.id)),
            (Ok(false) | Err(_), Some(_)) => {}
        }
    }
    let strangers: Vec<_> = known.keys().filter(|id| !seen.contains(id)).collect();
    assert!(strangers.is_empty(), "not in the table: {strangers:?}");
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), seen.len(), wrong.join("\n"));
    assert!(right >= 200, "only {right} cases are answered");
}

#[test]
fn what_must_be_refused_is_never_let_in_by_a_case_that_can_be_asked() {
    let known = unjudged();
    let let_in: BTreeMap<_, _> = ANSWERED
        .iter()
        .filter(|(case, answered)| case.expected == Expected::Block && *answered == Some(Ok(false)))
        .filter_map(|(case, _)| known.get_key_value(&case.id))
        .filter(|(_, why)| !why.starts_with("let in: "))
        .collect();
    assert!(let_in.is_empty(), "let in, and the list does not say so: {let_in:?}");
}
