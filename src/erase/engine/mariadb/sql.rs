//! SQL with its parameters in the order in which it speaks of them.

use mysql_async::Value;

/// A piece of SQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sql {
    pub text: String,
    pub values: Vec<Value>,
}

impl Sql {
    /// Without parameters.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: vec![] }
    }

    /// Followed by text.
    pub fn then(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Followed by a parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Followed by another piece.
    pub fn and_then(mut self, other: &Self) -> Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values.iter().cloned());
        self
    }

    /// Pieces with a word between them; this where there is none.
    pub fn joined(pieces: &[Self], between: &str, none: &str) -> Self {
        let mut all = Self::default();
        for piece in pieces {
            if !all.text.is_empty() {
                all.text.push_str(between);
            }
            all = all.and_then(piece);
        }
        if all.text.is_empty() { Self::new(none) } else { all }
    }
}

/// Quotes an identifier.
pub(super) fn quoted(identifier: &str) -> String {
    format!("`{}`", identifier.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_cannot_end_its_quotes() {
        assert_eq!(quoted("a`; DROP TABLE x; --"), "`a``; DROP TABLE x; --`");
    }

    #[test]
    fn parameters_stand_in_the_order_in_which_they_are_spoken_of() {
        let one = Sql::new("a > ").bind(1);
        let two = Sql::new("b > ").bind(2);
        let both = Sql::joined(&[one, two], " AND ", "false");
        assert_eq!((both.text.as_str(), both.values), ("a > ? AND b > ?", vec![1.into(), 2.into()]));
        assert_eq!(Sql::joined(&[], " AND ", "false"), Sql::new("false"));
    }
}
