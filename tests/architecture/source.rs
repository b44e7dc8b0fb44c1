//! Reads one Rust file as far as layers need it: which paths its production code names, and which literals it holds.
//!
//! This is no parser of Rust. It drops comments and test code, expands `use` trees, and takes every other `a::b` as a
//! path. What it cannot see (a name that a macro puts together) the compiler's feature builds still can.

use std::collections::BTreeSet;

/// A file's production code.
#[derive(Debug, Default)]
pub struct Source {
    /// Every path that it names, from the crate's root or an outer crate on: `crate::core::ids::Country`, `std::env::var`.
    pub paths: BTreeSet<String>,
    /// Every string literal.
    pub literals: BTreeSet<String>,
    /// Every method that it calls by name: `create` for `api.create(...)`.
    pub methods: BTreeSet<String>,
    /// Modules that it declares for tests alone (`#[cfg(test)] mod tests;`).
    pub test_modules: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal(String),
    PathSep,
    Mark(char),
}

impl Source {
    /// Reads `text` as the module at `place` (`["core", "transfer", "decide"]` for `src/core/transfer/decide.rs`).
    pub fn read(text: &str, place: &[String]) -> Self {
        let mut source = Self::default();
        let tokens = without_tests(&tokens(text), &mut source.test_modules);
        for three in tokens.windows(3) {
            if let [Token::Mark('.'), Token::Word(name), Token::Mark('(') | Token::PathSep] = three {
                source.methods.insert(name.clone());
            }
        }
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                Token::Literal(text) => {
                    source.literals.insert(text.clone());
                    at += 1;
                }
                Token::Word(word) if word == "use" => at = use_tree(&tokens, at + 1, "", &mut source.paths),
                Token::Word(_) => at = path(&tokens, at, &mut source.paths),
                _ => at += 1,
            }
        }
        source.paths = source.paths.iter().map(|path| absolute(path, place)).collect();
        source
    }
}

/// Resolves `self::` and `super::` against the module that names them.
fn absolute(path: &str, place: &[String]) -> String {
    let words: Vec<&str> = path.split("::").collect();
    let relative = words.iter().take_while(|word| matches!(**word, "self" | "super")).count();
    if relative == 0 || words.len() == 1 {
        return path.to_owned();
    }
    let up = words[..relative].iter().filter(|word| **word == "super").count();
    let base = place[..place.len().saturating_sub(up)].iter().map(String::as_str);
    ["crate"].into_iter().chain(base).chain(words[relative..].iter().copied()).collect::<Vec<_>>().join("::")
}

/// An inline path of two words or more; returns where it ends.
fn path(tokens: &[Token], mut at: usize, paths: &mut BTreeSet<String>) -> usize {
    let mut words = vec![];
    while let Some(Token::Word(word)) = tokens.get(at) {
        words.push(word.as_str());
        at += 1;
        if tokens.get(at) != Some(&Token::PathSep) {
            break;
        }
        at += 1;
    }
    if words.len() > 1 {
        paths.insert(words.join("::"));
    }
    at
}

/// One branch of a `use` tree below `prefix`; returns the place behind it.
fn use_tree(tokens: &[Token], mut at: usize, prefix: &str, paths: &mut BTreeSet<String>) -> usize {
    let mut here = prefix.to_owned();
    loop {
        match tokens.get(at) {
            Some(Token::PathSep) => at += 1,
            Some(Token::Word(word)) if word == "as" => at += 2,
            Some(Token::Word(word)) if word == "self" && !prefix.is_empty() => at += 1,
            Some(Token::Word(word)) => {
                here = if here.is_empty() { word.clone() } else { format!("{here}::{word}") };
                at += 1;
            }
            Some(Token::Mark('*')) => {
                here.push_str("::*");
                at += 1;
            }
            Some(Token::Mark('{')) => {
                at += 1;
                while tokens.get(at).is_some_and(|t| *t != Token::Mark('}')) {
                    at = use_tree(tokens, at, &here, paths);
                    if tokens.get(at) == Some(&Token::Mark(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => {
                paths.insert(here);
                return at;
            }
        }
    }
}

/// Drops every item under `#[cfg(test)]` and notes the modules among them that are files of their own.
fn without_tests(tokens: &[Token], test_modules: &mut Vec<String>) -> Vec<Token> {
    let marker: Vec<Token> =
        [Token::Mark('#'), Token::Mark('['), word("cfg"), Token::Mark('('), word("test"), Token::Mark(')')]
            .into_iter()
            .chain([Token::Mark(']')])
            .collect();
    let mut kept = vec![];
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].starts_with(&marker) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += marker.len();
        let start = at;
        let mut depth = 0_usize;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth <= 1 => break,
                Token::Mark('}') => depth -= 1,
                Token::Mark(';') if depth == 0 => {
                    if let [.., Token::Word(keyword), Token::Word(name)] = &tokens[start..at - 1]
                        && keyword == "mod"
                    {
                        test_modules.push(name.clone());
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    kept
}

fn word(text: &str) -> Token {
    Token::Word(text.to_owned())
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = vec![];
    let mut at = 0;
    while at < chars.len() {
        let (c, next) = (chars[at], chars.get(at + 1).copied());
        match c {
            '/' if next == Some('/') => at = find(&chars, at, |c| c == '\n'),
            '/' if next == Some('*') => at = block_comment(&chars, at),
            '"' => at = quoted(&chars, at + 1, &mut tokens),
            'r' if matches!(next, Some('"' | '#')) && raw(&chars, at).is_some() => {
                let (literal, end) = raw(&chars, at).expect("just seen");
                tokens.push(Token::Literal(literal));
                at = end;
            }
            // A byte string's prefix; what follows is read as usual.
            'b' if matches!(next, Some('"')) => at += 1,
            '\'' => at = character(&chars, at),
            ':' if next == Some(':') => {
                tokens.push(Token::PathSep);
                at += 2;
            }
            c if c == '_' || c.is_alphanumeric() => {
                let end = find(&chars, at, |c| c != '_' && !c.is_alphanumeric());
                tokens.push(Token::Word(chars[at..end].iter().collect()));
                at = end;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                at += 1;
            }
        }
    }
    tokens
}

fn find(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| stop(*c)).map_or(chars.len(), |n| from + n)
}

fn block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn quoted(chars: &[char], mut at: usize, tokens: &mut Vec<Token>) -> usize {
    let start = at;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    tokens.push(Token::Literal(chars[start..at.min(chars.len())].iter().collect()));
    at + 1
}

fn raw(chars: &[char], at: usize) -> Option<(String, usize)> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let start = at + 1 + hashes + 1;
    if chars.get(start - 1) != Some(&'"') {
        return None; // a raw identifier
    }
    let end: Vec<char> = ['"'].into_iter().chain(std::iter::repeat_n('#', hashes)).collect();
    let length = chars[start..].windows(end.len()).position(|w| w == end)?;
    Some((chars[start..start + length].iter().collect(), start + length + end.len()))
}

/// A character literal, or the tick of a lifetime.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => find(chars, at + 3, |c| c == '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}
