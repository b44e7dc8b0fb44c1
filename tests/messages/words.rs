//! Messages by what is constant in them.

/// The first line that says something, without what varies. What varies at an end, and marks there, are left out.
pub fn constant(message: &str) -> String {
    let lines = message.split('\n').map(|line| collapsed(&without_values(line)));
    let first = lines.map(|line| trimmed(&line).to_owned()).find(|line| words(line) > 0);
    first.unwrap_or_default()
}

/// How many words a text has.
pub fn words(text: &str) -> usize {
    let word = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() > 1;
    text.split(|c: char| c.is_whitespace() || c == '…' || c == '/').filter(|w| word(w)).count()
}

/// A literal of Rust as it is printed.
pub fn unescaped(literal: &str) -> String {
    let mut out = String::new();
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', Some(_)) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

fn without_values(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(literal) = after.strip_prefix('{') {
            out.push('{');
            rest = literal;
            continue;
        }
        match after.split_once('}') {
            // Braces of YAML or JSON in a text hold blanks; a name in a format string does not.
            Some((name, after)) if !name.contains([' ', '"']) => {
                out.push('…');
                rest = after;
            }
            _ => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.replace("}}", "}")
}

/// Several values beside each other are one.
fn collapsed(line: &str) -> String {
    let mut out = String::new();
    let mut after_value = false;
    let mut between = String::new();
    for c in line.chars() {
        match c {
            '…' => {
                if !after_value {
                    out.push_str(&between);
                    out.push('…');
                }
                between.clear();
                after_value = true;
            }
            ' ' | '/' => between.push(c),
            c => {
                out.push_str(&between);
                between.clear();
                out.push(c);
                after_value = false;
            }
        }
    }
    out
}

fn trimmed(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || "…:;,.-`()\"'".contains(c))
}

#[test]
fn only_what_is_constant_is_compared() {
    for (message, is) in [
        ("{kind} {ns}/{name} may not {0:?} it\\nfound at {x}", "may not … it\\nfound at"),
        ("{kind} {ns}/{name} may not {0:?} it\nfound at {x}", "may not … it"),
        ("{why}\nLawful: {}. Paste it:\n{yaml}", "Lawful: …. Paste it"),
        ("\n- judged at {:.0} by law pack {}", "judged at … by law pack"),
        ("say {{any: true}} or {\"on\": 1}", "say {any: true} or {\"on\": 1}"),
    ] {
        assert_eq!(constant(message), is);
    }
    assert_eq!(unescaped("a \\\n     b\\n\\\"c\\\""), "a b\n\"c\"");
}
