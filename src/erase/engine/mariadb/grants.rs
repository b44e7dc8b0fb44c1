//! Which rights an account has, read from `SHOW GRANTS`: pure.
//!
//! A missing right must be known: the server shows no triggers to an account without TRIGGER, and says nothing of it. What
//! is not understood grants nothing. The text holds the password's hash, so none of it is ever passed on.

/// What an account was granted.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Grants(Vec<Grant>);

#[derive(Clone, PartialEq, Eq)]
struct Grant {
    rights: Vec<String>,
    schema: Pattern,
    table: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Any,
    Name(String),
    /// Schemas may be given with `%` and `_`, which a backslash makes ordinary.
    Like(String),
}

impl Grants {
    /// Reads the lines.
    pub fn read<'l>(lines: impl IntoIterator<Item = &'l str>) -> Self {
        Self(lines.into_iter().filter_map(grant).collect())
    }

    /// Whether the account has a right on a table.
    pub fn on_table(&self, right: &str, schema: &str, table: &str) -> bool {
        self.0.iter().any(|g| g.gives(right) && g.schema.matches(schema) && g.table.matches(table))
    }

    /// Whether the account has a right on everything.
    pub fn globally(&self, right: &str) -> bool {
        self.0.iter().any(|g| g.gives(right) && g.schema == Pattern::Any)
    }
}

impl Grant {
    fn gives(&self, right: &str) -> bool {
        self.rights.iter().any(|given| given == right || given == "ALL PRIVILEGES")
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name(own) => own == name,
            Self::Like(pattern) => like(pattern, name),
        }
    }
}

/// `GRANT rights ON scope TO account ...`; anything else, such as a role, grants nothing here.
fn grant(line: &str) -> Option<Grant> {
    let rest = line.strip_prefix("GRANT ")?;
    let (rights, rest) = split(rest, " ON ")?;
    let (scope, _) = split(rest, " TO ")?;
    let (schema, table) = split(scope, ".")?;
    let schema = if schema == "*" { Pattern::Any } else { Pattern::Like(name(schema)?) };
    let table = if table == "*" { Pattern::Any } else { Pattern::Name(name(table)?) };
    // A right with columns behind it is not one on the table.
    let rights = rights.split(", ").map(str::to_owned).collect();
    Some(Grant { rights, schema, table })
}

/// At the first such text outside of quotes.
fn split<'t>(text: &'t str, at: &str) -> Option<(&'t str, &'t str)> {
    let mut quoted = false;
    for (i, c) in text.char_indices() {
        quoted ^= c == '`';
        if !quoted && text[i..].starts_with(at) {
            return Some((&text[..i], &text[i + at.len()..]));
        }
    }
    None
}

fn name(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('`')?.strip_suffix('`')?;
    Some(inner.replace("``", "`"))
}

fn like(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('%') => {
            name.char_indices().map(|(i, _)| i).chain([name.len()]).any(|i| like(rest.as_str(), &name[i..]))
        }
        Some(first) => {
            let (any, first) = match first {
                '_' => (true, first),
                '\\' => (false, rest.next().unwrap_or(first)),
                other => (false, other),
            };
            let mut chars = name.chars();
            chars.next().is_some_and(|c| any || c == first) && like(rest.as_str(), chars.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        Grants::read(lines.iter().copied())
    }

    #[test]
    fn rights_hold_where_they_were_granted_and_nowhere_else() {
        let g = grants(&[
            "GRANT `clerk` TO `e`@`%`",
            "GRANT PROCESS, SELECT ON *.* TO `e`@`%` IDENTIFIED BY PASSWORD '*D8'",
            "GRANT DELETE ON `a`.`t` TO `e`@`%`",
            "GRANT TRIGGER ON `a\\_b`.* TO `e`@`%`",
            "GRANT SELECT (`p ON x TO`), INSERT ON `a`.`c` TO `e`@`%`",
        ]);
        assert!(g.globally("PROCESS") && g.on_table("SELECT", "x", "y"));
        assert!(g.on_table("DELETE", "a", "t") && !g.on_table("DELETE", "a", "u") && !g.globally("DELETE"));
        assert!(g.on_table("TRIGGER", "a_b", "t") && !g.on_table("TRIGGER", "axb", "t"));
        assert!(g.on_table("INSERT", "a", "c"));
    }

    #[test]
    fn a_right_on_columns_is_none_on_the_table_and_all_is_all() {
        assert!(!grants(&["GRANT SELECT (`p`) ON `a`.`c` TO `e`@`%`"]).on_table("SELECT", "a", "c"));
        let all = grants(&["GRANT ALL PRIVILEGES ON `app%`.* TO `e`@`%` WITH GRANT OPTION"]);
        assert!(all.on_table("TRIGGER", "app_one", "t") && all.on_table("TRIGGER", "app", "t"));
        assert!(!all.on_table("TRIGGER", "other", "t"));
    }

    #[test]
    fn quotes_in_names_do_not_mislead() {
        let g = grants(&["GRANT DELETE ON `a``b`.`t.u ON v` TO `e`@`%`"]);
        assert!(g.on_table("DELETE", "a`b", "t.u ON v"));
    }
}
