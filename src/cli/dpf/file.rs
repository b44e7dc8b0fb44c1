//! The file of the public list, CSV or JSON, as rows of texts under headers.

use serde_json::Value;

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not UTF-8.
    #[error("it is not UTF-8 text: export it anew")]
    NotText,
    /// Not CSV.
    #[error("it is not CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, and no list.
    #[error("it holds no list of objects: an array is expected, or an object with one array in it")]
    NoList,
    /// JSON, and an entry that is no object of texts.
    #[error("entry {0} is no object whose values are texts, numbers, true, false, null or lists of these")]
    NoRow(usize),
    /// Nothing in it.
    #[error("it holds no row")]
    Empty,
}

/// Rows under headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Headers.
    pub headers: Vec<String>,
    /// Rows, each as long as the headers.
    pub rows: Vec<Vec<String>>,
}

/// Reads a file; JSON begins with a bracket or a brace.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FileError::NotText)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let table = if text.starts_with(['[', '{']) { of_json(text)? } else { of_csv(text)? };
    if table.rows.is_empty() { Err(FileError::Empty) } else { Ok(table) }
}

fn of_csv(text: &str) -> Result<Table, FileError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers()?.iter().map(Into::into).collect();
    let rows = reader
        .records()
        .map(|row| Ok(row?.iter().map(Into::into).collect()))
        .collect::<Result<_, csv::Error>>()?;
    Ok(Table { headers, rows })
}

fn of_json(text: &str) -> Result<Table, FileError> {
    let value: Value = serde_json::from_str(text)?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(all) => {
            let mut lists =
                all.into_iter().filter_map(|(_, v)| if let Value::Array(l) = v { Some(l) } else { None });
            match (lists.next(), lists.next()) {
                (Some(list), None) => list,
                _ => return Err(FileError::NoList),
            }
        }
        _ => return Err(FileError::NoList),
    };
    let mut headers: Vec<String> = vec![];
    let mut objects = vec![];
    for (i, entry) in list.into_iter().enumerate() {
        let Value::Object(entry) = entry else { return Err(FileError::NoRow(i + 1)) };
        for name in entry.keys().filter(|name| !headers.contains(*name)).cloned().collect::<Vec<_>>() {
            headers.push(name);
        }
        objects.push(entry);
    }
    let mut rows = vec![];
    for (i, entry) in objects.iter().enumerate() {
        let cell = |header: &String| entry.get(header).map_or(Some(String::new()), cell);
        rows.push(headers.iter().map(cell).collect::<Option<Vec<_>>>().ok_or(FileError::NoRow(i + 1))?);
    }
    Ok(Table { headers, rows })
}

/// A text of a value; lists are joined as a cell of a table would have them.
fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(all) => {
            let texts: Option<Vec<_>> =
                all.iter().map(|v| if v.is_array() { None } else { cell(v) }).collect();
            texts.map(|texts| texts.join(";"))
        }
        Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_are_the_same_table() {
        let csv = "\u{feff}Name,Data\n\"Acme, Inc.\",\"HR;NonHR\" \nOther,\n";
        let json = r#"{"total": 2, "items": [{"Name": "Acme, Inc.", "Data": ["HR", "NonHR"]}, {"Name": "Other", "Data": null}]}"#;
        let table = read(csv.as_bytes()).unwrap();
        assert_eq!(table.rows, [["Acme, Inc.", "HR;NonHR"], ["Other", ""]]);
        let of_json = read(json.as_bytes()).unwrap();
        // An object has no order of its own.
        let name = of_json.headers.iter().position(|h| h == "Name").unwrap();
        assert_eq!(of_json.rows[0][name], "Acme, Inc.");
        assert_eq!(of_json.rows[0][1 - name], "HR;NonHR");
        assert_eq!(of_json.rows[1][1 - name], "");
    }

    #[test]
    fn what_is_no_table_is_said_to_be_none() {
        for (bytes, why) in [
            (&b"\xff\xfe"[..], "not UTF-8"),
            (b"a,b\n1\n", "not CSV"),
            (b"[1,", "not JSON"),
            (b"{\"a\": 1}", "no list"),
            (b"{\"a\": [], \"b\": []}", "no list"),
            (b"[{\"a\": {\"b\": 1}}]", "entry 1"),
            (b"[1]", "entry 1"),
            (b"a,b\n", "no row"),
            (b"[]", "no row"),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
