//! YAML as kubectl reads it: YAML 1.1 (an unquoted NO is a boolean), several documents, and what its strict validation
//! refuses; each field with the line on which it stands.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

/// Levels of nesting; serde_json reads no more either.
const DEPTH: usize = 128;
/// Nodes of one document, those that aliases repeat counted each time.
const NODES: usize = 1_000_000;

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Line on which it begins.
    pub line: usize,
    /// What it says.
    pub value: Value,
    /// Lines by the paths of fields (`spec.datasets[0].table`).
    pub lines: BTreeMap<String, usize>,
    /// What is wrong with it all the same, with the line.
    pub problems: Vec<(usize, String)>,
}

/// A text that is no YAML, from some line on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Reads every document; what stands before the first error, and the error.
pub fn documents(text: &str) -> (Vec<Document>, Option<Broken>) {
    let mut reader = Reader { events: Parser::new_from_str(text), anchors: BTreeMap::new(), left: NODES };
    let mut all = vec![];
    loop {
        match reader.document() {
            Ok(Some(document)) if document.value.is_null() && document.problems.is_empty() => {}
            Ok(Some(document)) => all.push(document),
            Ok(None) => return (all, None),
            Err(broken) => return (all, Some(broken)),
        }
    }
}

/// A node with the lines of what is in it, by paths relative to it.
#[derive(Clone, Debug)]
struct Node {
    value: Value,
    line: usize,
    lines: Vec<(String, usize)>,
    problems: Vec<(usize, String)>,
    size: usize,
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    left: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Option<Document>, Broken> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), _)) => {
                    self.anchors.clear();
                    self.left = NODES;
                    let (event, span) = self.some()?;
                    if event == Event::DocumentEnd {
                        continue;
                    }
                    let Node { value, line, lines, problems, .. } = self.node(event, span, DEPTH)?;
                    return Ok(Some(Document { line, value, lines: lines.into_iter().collect(), problems }));
                }
                Some(_) => {}
            }
        }
    }

    /// The next event that is no comment.
    fn next(&mut self) -> Result<Option<(Event<'_>, Span)>, Broken> {
        loop {
            match self.events.next() {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(Broken { line: error.marker().line(), why: error.to_string() });
                }
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok(Some((owned(event), span))),
            }
        }
    }

    fn some(&mut self) -> Result<(Event<'static>, Span), Broken> {
        match self.next()? {
            Some((event, span)) => Ok((owned(event), span)),
            None => Err(Broken { line: 0, why: "the text ends in the middle".into() }),
        }
    }

    fn node(&mut self, event: Event<'static>, span: Span, depth: usize) -> Result<Node, Broken> {
        let line = span.start.line();
        let broken = |why: &str| Broken { line, why: why.into() };
        if depth == 0 {
            return Err(broken("it is nested too deeply"));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_deref().map_or(style != ScalarStyle::Plain, |tag| {
                    tag.is_yaml_core_schema_tag("str") || style != ScalarStyle::Plain
                });
                let value = if is_text { Value::String(text.into_owned()) } else { plain(&text) };
                (Node { value, line, lines: vec![], problems: vec![], size: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(line, depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(line, depth)?, anchor),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).ok_or_else(|| broken("an alias of itself"))?;
                (Node { line, ..node.clone() }, 0)
            }
            _ => return Err(broken("a value is missing")),
        };
        self.left =
            self.left.checked_sub(node.size).ok_or_else(|| broken("its aliases make it too large"))?;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, line: usize, depth: usize) -> Result<Node, Broken> {
        let mut whole = Whole::new(line);
        let mut items = vec![];
        loop {
            let (event, span) = self.some()?;
            if event == Event::SequenceEnd {
                return Ok(whole.node(Value::Array(items)));
            }
            let item = self.node(event, span, depth - 1)?;
            items.push(whole.take(&format!("[{}]", items.len()), item));
        }
    }

    fn mapping(&mut self, line: usize, depth: usize) -> Result<Node, Broken> {
        let mut whole = Whole::new(line);
        let mut fields = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.some()?;
            if event == Event::MappingEnd {
                for (key, value) in merged {
                    fields.entry(key).or_insert(value);
                }
                return Ok(whole.node(Value::Object(fields)));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth - 1)?;
            let (event, span) = self.some()?;
            let mut value = self.node(event, span, depth - 1)?;
            let Some(name) = name(&key.value) else {
                whole.problems.push((key.line, "a key that is no text".into()));
                continue;
            };
            if is_merge {
                merge(&mut merged, value, &mut whole);
                continue;
            }
            if fields.contains_key(&name) {
                whole.problems.push((key.line, format!("key \"{name}\" already set in map")));
            }
            value.line = key.line;
            let value = whole.take(&name, value);
            fields.insert(name, value);
        }
    }
}

/// A collection that grows.
struct Whole {
    line: usize,
    lines: Vec<(String, usize)>,
    problems: Vec<(usize, String)>,
    size: usize,
}

impl Whole {
    fn new(line: usize) -> Self {
        Self { line, lines: vec![], problems: vec![], size: 1 }
    }

    fn take(&mut self, step: &str, node: Node) -> Value {
        let Node { value, line, lines, problems, size } = node;
        self.lines.push((step.to_owned(), line));
        self.lines.extend(lines.into_iter().map(|(path, line)| {
            let dot = if path.starts_with('[') { "" } else { "." };
            (format!("{step}{dot}{path}"), line)
        }));
        self.problems.extend(problems);
        self.size += size;
        value
    }

    fn node(self, value: Value) -> Node {
        let Self { line, lines, problems, size } = self;
        Node { value, line, lines, problems, size }
    }
}

/// What `<<` brings counts less than what is written, and the first of several more than the next.
fn merge(into: &mut Map<String, Value>, node: Node, whole: &mut Whole) {
    let (line, value) = (node.line, node.value);
    let maps = match value {
        Value::Array(maps) => maps,
        one => vec![one],
    };
    for map in maps {
        if let Value::Object(map) = map {
            for (key, value) in map {
                into.entry(key).or_insert(value);
            }
        } else {
            whole.problems.push((line, "map merge requires map or sequence of maps as the value".into()));
        }
    }
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Scalar(text, style, anchor, tag) => Event::Scalar(
            text.into_owned().into(),
            style,
            anchor,
            tag.map(|tag| std::borrow::Cow::Owned(tag.into_owned())),
        ),
        Event::SequenceStart(style, anchor, _) => Event::SequenceStart(style, anchor, None),
        Event::MappingStart(style, anchor, _) => Event::MappingStart(style, anchor, None),
        Event::Alias(id) => Event::Alias(id),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingEnd => Event::MappingEnd,
        Event::DocumentStart(explicit, version) => Event::DocumentStart(explicit, version),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::StreamStart => Event::StreamStart,
        // Comments are left out, and nothing else was asked for.
        _ => Event::StreamEnd,
    }
}

/// A key as JSON has it.
fn name(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(key.to_string()),
        Value::Null => Some("null".into()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an unquoted word means in YAML 1.1, which is what kubectl and Helm read.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix(['-', '+']) {
        Some(rest) => (&digits[..1], rest),
        None => ("", digits.as_str()),
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let lower = unsigned.to_ascii_lowercase();
    let (radix, rest) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') && lower.chars().all(|c| c.is_digit(8)) {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    let minus = if sign == "-" { "-" } else { "" };
    if rest.chars().all(|c| c.is_digit(radix)) {
        if let Ok(number) = i64::from_str_radix(&format!("{minus}{rest}"), radix) {
            return Some(number.into());
        }
        if let Ok(number) = u64::from_str_radix(rest, radix)
            && minus.is_empty()
        {
            return Some(number.into());
        }
    }
    let is_float = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if is_float { digits.parse().ok().and_then(Number::from_f64) } else { None }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Document {
        let (mut all, broken) = documents(text);
        assert_eq!((all.len(), broken), (1, None), "{text}");
        all.remove(0)
    }

    #[test]
    fn an_unquoted_no_is_a_boolean_and_a_quoted_one_is_norway() {
        let value = one("a: NO\nb: \"NO\"\nc: y\nd: [off, 'off']\n").value;
        assert_eq!(value, json!({"a": false, "b": "NO", "c": true, "d": [false, "off"]}));
    }

    #[test]
    fn numbers_are_those_of_yaml_1_1_and_days_and_versions_stay_texts() {
        let value = one("a: 017\nb: 1_000\nc: 0x1F\nd: 2027-01-14\ne: 1.5\nf: 1.2.3\ng: -3\nh: 08\n").value;
        assert_eq!(
            value,
            json!({"a": 15, "b": 1000, "c": 31, "d": "2027-01-14", "e": 1.5, "f": "1.2.3", "g": -3, "h": 8})
        );
    }

    #[test]
    fn every_field_knows_its_line_and_every_document_its_first() {
        let (all, broken) = documents("# c\na: 1\n---\n\nb:\n- c: 2\n  d: 3\n---\n# nothing\n---\n");
        assert_eq!(broken, None);
        assert_eq!(all.iter().map(|d| d.line).collect::<Vec<_>>(), [2, 5]);
        assert_eq!(all[1].lines["b"], 5);
        assert_eq!((all[1].lines["b[0].c"], all[1].lines["b[0].d"]), (6, 7));
    }

    #[test]
    fn a_key_that_stands_twice_is_told_with_its_line() {
        assert_eq!(one("a: 1\nb: {c: 1, c: 2}\n").problems, [(2, "key \"c\" already set in map".to_owned())]);
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let value = one("a: &x {k: 1, l: 2}\nb: *x\nc: {<<: *x, k: 3}\n").value;
        assert_eq!(value["b"], json!({"k": 1, "l": 2}));
        assert_eq!(value["c"], json!({"k": 3, "l": 2}));
    }

    #[test]
    fn a_bomb_of_aliases_and_a_bottomless_text_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let of = vec![format!("*a{}", n - 1); 10].join(", ");
            writeln!(text, "a{n}: &a{n} [{of}]").unwrap();
        }
        assert!(documents(&text).1.is_some_and(|b| b.why.contains("too large")));
        assert!(documents(&"[".repeat(5000)).1.is_some());
    }

    #[test]
    fn what_stands_before_an_error_is_read() {
        let (all, broken) = documents("a: 1\n---\nb: [\n");
        assert_eq!(all.len(), 1);
        assert!(broken.is_some());
    }
}
