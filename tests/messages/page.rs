//! The page as it is searched: tables whose first cell holds messages or reasons.

use std::collections::BTreeSet;

use crate::words::constant;

/// What the page explains.
pub struct Page {
    /// Every row of a table below the first, cell by cell.
    pub rows: Vec<Vec<String>>,
    /// Reasons: single words.
    pub reasons: BTreeSet<String>,
    /// Messages by what is constant in them.
    pub messages: BTreeSet<String>,
}

/// Whether a cell lists words, such as `Known`, `RegionUnknown`.
fn is_of_reasons(cell: &str) -> bool {
    cell.split(", ")
        .all(|one| one.trim_matches('`').chars().all(|c| c.is_ascii_alphabetic()) && one.starts_with('`'))
        && cell.starts_with('`')
        && cell.chars().nth(1).is_some_and(char::is_uppercase)
}

impl Page {
    /// Reads Markdown.
    pub fn read(markdown: &str) -> Self {
        let (_, body) = markdown.split_once("\n## ").expect("the page has sections");
        let rows = body.lines().filter(|line| line.starts_with('|') && !line.starts_with("| ---"));
        let cells = |row: &str| -> Vec<String> {
            row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
        };
        let rows: Vec<_> = rows.map(cells).filter(|row| row[0] != "message" && row[0] != "reason").collect();
        let first = || rows.iter().map(|row| row[0].as_str());
        let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        Self {
            reasons: first().flat_map(code).collect(),
            messages: first()
                .filter(|cell| !is_of_reasons(cell))
                .flat_map(|cell| cell.split("<br>"))
                .map(constant)
                .filter(|message| !message.is_empty())
                .collect(),
            rows,
        }
    }

    /// Whether a message, by what is constant in it, has an entry.
    pub fn explains(&self, constant: &str) -> bool {
        self.messages.contains(constant)
    }
}
