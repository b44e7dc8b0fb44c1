//! Columns for people.

use std::io::{self, Write};

/// Writes `rows` under `head`, indented, each column as wide as its widest cell.
pub fn table(out: &mut impl Write, head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(ToString::to_string).collect()];
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// The text without control characters: names and messages come from others, and a terminal obeys what it is sent.
pub fn plain(text: &str) -> String {
    if text.is_empty() {
        return "-".into();
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_do_not_reach_the_terminal() {
        let mut out = vec![];
        let rows = vec![vec!["a".into(), "1".into()], vec!["long\u{1b}[2J".into(), String::new()]];
        table(&mut out, &["NAME", "DUE"], &rows).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "  NAME      DUE\n  a         1\n  long\u{fffd}[2J  -\n");
    }
}
