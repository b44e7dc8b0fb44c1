//! The rows of the table.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

/// The instant of a case that names none.
const AT: &str = "2026-06-01T12:00:00Z";

/// What the table expects of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Expected {
    /// Refused at admission.
    #[serde(rename = "B")]
    Block,
    /// Admitted, and said.
    #[serde(rename = "F")]
    Finding,
    /// Admitted, and documented among what is not covered.
    #[serde(rename = "R")]
    Residual,
    /// Admitted.
    #[serde(rename = "A")]
    Admitted,
}

/// A case.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub id: String,
    pub situation: String,
    pub expected: Expected,
    /// The word under which it is told: a reason of a condition or Event, or a word of metrics.
    pub code: String,
    /// Fragments that many cases share.
    with: String,
    at: String,
    /// Flags of the operator beside the defaults.
    pub flags: String,
    /// Empty = CREATE.
    pub operation: String,
    /// Who asks; empty = some user without special rights.
    pub user: String,
    /// Who judges it.
    pub doors: String,
    /// Exit codes of `check`, any of them; `-` = not asked.
    pub exit: String,
    /// Folder of its file.
    #[serde(skip)]
    folder: &'static str,
}

impl Case {
    /// When it is asked.
    pub fn at(&self) -> Timestamp {
        let text = if self.at.is_empty() { AT } else { &self.at };
        text.parse().unwrap_or_else(|e| panic!("{}: `{text}`: {e}", self.id))
    }

    /// The texts of its manifests, the shared ones first.
    pub fn manifests(&self) -> Vec<String> {
        let base =
            self.with.split_whitespace().map(|name| folder("transfers/base").join(format!("{name}.yaml")));
        let own = folder(self.folder).join(format!("{}.yaml", self.id));
        base.chain([own]).map(|path| text(&path)).collect()
    }
}

/// Why a case is not answered as expected, as `unjudged.csv` has it.
#[derive(Debug)]
pub struct Unjudged {
    pub why: String,
    /// The only door that is lacking; none = the webhook at least.
    pub door: Option<String>,
}

/// Every case, those that must pass included.
pub fn cases() -> Vec<Case> {
    let of = |file: &str, folder: &'static str| {
        rows::<Case>(file).into_iter().map(move |case| Case { folder, ..case })
    };
    of("transfers.csv", "transfers").chain(of("passing.csv", "passing")).collect()
}

/// Cases that are not answered as expected yet, each with the reason.
pub fn unjudged() -> BTreeMap<String, Vec<Unjudged>> {
    let mut all: BTreeMap<String, Vec<Unjudged>> = BTreeMap::new();
    let table = text(&folder("unjudged.csv"));
    // Most rows name no door, and end before it.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table.as_bytes());
    for record in reader.records() {
        let record = record.unwrap_or_else(|e| panic!("unjudged.csv: {e}"));
        let field = |n: usize| record.get(n).map(str::to_owned);
        let (Some(id), Some(why)) = (field(0), field(1)) else { panic!("unjudged.csv: {record:?}") };
        all.entry(id).or_default().push(Unjudged { why, door: field(2) });
    }
    all
}

fn rows<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let table = text(&folder(file));
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
