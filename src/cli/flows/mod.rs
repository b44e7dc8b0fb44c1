//! `flows`: stores by the places of what runs and of copies, with what carries each.

mod html;
mod matrix;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use kube::Client;
use serde::Serialize;

pub use self::matrix::rank;
use self::matrix::{Filter, LEGEND, LineSaid, Matrix, RowSaid, cell, heading};
use super::{
    asked::{JudgedBy, QuestionError, write_json},
    table::{plain, table},
    world::{self, Look, World},
};
use crate::picture::standings;

/// How the matrix is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Format {
    /// Stores by place, for people.
    #[default]
    Text,
    /// A line for each flow, for people.
    Wide,
    /// For machines.
    Json,
    /// A line for each flow, for tables.
    Csv,
    /// One page with a picture.
    Html,
}

/// How `flows` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct FlowsArgs {
    /// Flows of this store alone: its name, or `NAMESPACE/NAME`.
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    /// Flows that nothing covers alone.
    #[arg(long)]
    pub violations: bool,
    /// How they are judged.
    #[command(flatten)]
    pub by: JudgedBy,
    /// How the answer is written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
}

/// Writes the matrix.
pub async fn flows(
    client: Client,
    namespace: Option<&str>,
    args: &FlowsArgs,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), QuestionError> {
    let world =
        world::gather(&client, &args.by.judging, args.by.law_pack.as_ref(), Look::Running, namespace).await?;
    let filter = Filter {
        namespace: namespace.map(Into::into),
        store: args.store.clone(),
        violations: args.violations,
    };
    show(&world, &filter, args.output, now, out)
}

fn show(
    world: &World,
    filter: &Filter,
    format: Format,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), QuestionError> {
    let snapshot = world.snapshot();
    let running = world.running(&snapshot);
    let (standings, _) = standings(&snapshot, &running, now);
    let matrix = Matrix::new(&snapshot, &standings, filter);
    let law = &snapshot.law.version;
    match format {
        Format::Text => text(&matrix, law, now, out)?,
        Format::Wide => wide(&matrix, out)?,
        Format::Csv => csv(&matrix, out)?,
        Format::Html => out.write_all(html::page(&matrix, law, now, &world.notes).as_bytes())?,
        Format::Json => {
            let report = Report {
                api_version: "flows.carnet.dev/v1",
                law,
                at: now,
                rows: matrix.rows_said(),
                flows: matrix.lines(),
                unknown: &world.notes,
            };
            write_json(&report, out)?;
        }
    }
    if matches!(format, Format::Text | Format::Wide) {
        for note in &world.notes {
            writeln!(out, "? {}", plain(note))?;
        }
    }
    Ok(())
}

/// For machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    law: &'a str,
    at: Timestamp,
    rows: Vec<RowSaid>,
    flows: Vec<LineSaid>,
    unknown: &'a [String],
}

fn text(matrix: &Matrix, law: &str, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    if matrix.rows.is_empty() {
        return writeln!(out, "No flow, by law pack {law}, at {now:.0}.");
    }
    let headings: Vec<String> = matrix.places.iter().map(heading).collect();
    let mut head = vec!["STORE", "DATASET", "IN"];
    head.extend(headings.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = matrix
        .rows
        .iter()
        .map(|(row, home)| {
            let mut cells = vec![row.store.to_string(), row.dataset.clone(), heading(home)];
            cells.extend(matrix.places.iter().map(|place| {
                matrix.cells.get(&(row.clone(), place.clone())).map(|lines| cell(lines)).unwrap_or_default()
            }));
            cells
        })
        .collect();
    table(out, &head, &rows)?;
    writeln!(out)?;
    for (letter, meaning) in LEGEND {
        writeln!(out, "  {letter}  {meaning}")?;
    }
    let (states, single) = matrix.count();
    let states: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    writeln!(
        out,
        "{}; {single} on the last leg. By law pack {law}, at {now:.0}.",
        if states.is_empty() { "No flow".into() } else { states.join(", ") }
    )
}

/// The columns of a flow, in `wide` and in `csv`.
const COLUMNS: [&str; 13] = [
    "STORE",
    "DATASET",
    "REGIME",
    "EXPORTER",
    "IN",
    "IMPORTER",
    "TO",
    "BY",
    "STATE",
    "RELIED ON",
    "FALLBACKS",
    "WORKLOADS",
    "PODS",
];

fn columns(line: &LineSaid) -> Vec<String> {
    let LineSaid { flow, workloads, exempt: _ } = line;
    let place = |place: &super::said::PlaceSaid| {
        let words = [&place.provider, &place.region, &place.country];
        words.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
    };
    let stands = &flow.stands;
    vec![
        flow.store.clone(),
        flow.dataset.clone(),
        flow.regime.clone(),
        flow.exporter.clone(),
        place(&flow.home),
        flow.importer.clone().unwrap_or_default(),
        place(&flow.to),
        flow.way.clone().unwrap_or_default(),
        stands.state.into(),
        stands.relied_on.clone().or(stands.exception.clone()).unwrap_or_default(),
        stands.fallbacks.join(" "),
        workloads.iter().map(|who| who.name.clone()).collect::<Vec<_>>().join(", "),
        workloads.iter().map(|who| who.pods).sum::<usize>().to_string(),
    ]
}

fn wide(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = matrix.lines().iter().map(columns).collect();
    table(out, &COLUMNS, &rows)
}

fn csv(matrix: &Matrix, out: &mut impl Write) -> io::Result<()> {
    let head: Vec<String> = COLUMNS.iter().map(|column| column.to_lowercase().replace(' ', "_")).collect();
    writeln!(out, "{}", head.join(","))?;
    for line in matrix.lines() {
        let cells: Vec<String> = columns(&line).iter().map(|cell| quoted(cell)).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

/// As RFC 4180 has it. A cell that a spreadsheet would take for a formula is made text.
fn quoted(cell: &str) -> String {
    let cell: String = cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let cell = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell };
    if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
