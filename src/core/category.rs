//! Categories of data: dotted words, and patterns over them.

use std::{fmt, sync::Arc};

/// What data is: lower-case words joined by dots (`account.contact`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Arc<str>);

/// An exact category, or `a.*`: all below `a`, not `a` itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CategoryPattern {
    /// This category alone.
    Exact(Category),
    /// Everything below this one.
    Below(Category),
}

/// A text that is no category or pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a category: write lower-case words joined by dots, such as `account.contact`")]
pub struct NotACategory(pub String);

impl Category {
    /// Whether it is `root` or lies below it.
    pub fn lies_in(&self, root: &str) -> bool {
        self.as_str().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Reads a category.
    pub fn parse(text: &str) -> Result<Self, NotACategory> {
        let word = |w: &str| {
            w.starts_with(|c: char| c.is_ascii_lowercase())
                && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if text.split('.').all(word) { Ok(Self(text.into())) } else { Err(NotACategory(text.into())) }
    }

    /// The category as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this lies below `above`, whole words compared.
    pub fn is_below(&self, above: &Self) -> bool {
        self.0.strip_prefix(&*above.0).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl CategoryPattern {
    /// Reads a category or `a.*`.
    pub fn parse(text: &str) -> Result<Self, NotACategory> {
        match text.strip_suffix(".*") {
            Some(above) => Category::parse(above).map(Self::Below),
            None => Category::parse(text).map(Self::Exact),
        }
        .map_err(|_| NotACategory(text.into()))
    }

    /// Whether the pattern covers `category`.
    pub fn matches(&self, category: &Category) -> bool {
        match self {
            Self::Exact(exact) => exact == category,
            Self::Below(above) => category.is_below(above),
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CategoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(c) => write!(f, "{c}"),
            Self::Below(c) => write!(f, "{c}.*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_means_below_and_never_a_string_prefix() {
        let p = CategoryPattern::parse("account.*").unwrap();
        let is = |c: &str| p.matches(&Category::parse(c).unwrap());
        assert!(is("account.contact") && is("account.contact.email"));
        assert!(!is("account") && !is("accounting") && !is("accounting.x"));
    }

    #[test]
    fn what_is_no_category_is_refused() {
        for text in ["", ".", "a.", ".a", "A", "a..b", "*", "a.*.b", "a*"] {
            assert!(CategoryPattern::parse(text).is_err(), "{text}");
        }
    }
}
