//! `$(NAME)` in command, args and env values, as the kubelet expands it: a name put together from parts is still found.

use std::{borrow::Cow, collections::HashMap};

/// Longer results are left unexpanded: references to references grow without bound.
const LONGEST: usize = 64 * 1024;

/// Literal environment of a container, by name.
pub(super) type Env<'a> = HashMap<&'a str, Cow<'a, str>>;

/// `text` with the references that `env` knows replaced; the same text where there is none, or too much.
pub(super) fn expand<'a>(text: &'a str, env: &Env<'_>) -> Cow<'a, str> {
    if !text.contains("$(") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some(escaped) = after.strip_prefix('$') {
            out.push('$');
            rest = escaped;
        } else if let Some((value, tail)) =
            reference.and_then(|(name, tail)| env.get(name).map(|value| (value, tail)))
        {
            out.push_str(value);
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
        if out.len() > LONGEST {
            return Cow::Borrowed(text);
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_references_are_replaced_and_escapes_kept() {
        let env = Env::from([("A", "db".into()), ("B", "example.com".into())]);
        assert_eq!(expand("$(A).$(B):1", &env), "db.example.com:1");
        assert_eq!(expand("$$(A) $(NO) $(A", &env), "$(A) $(NO) $(A");
    }

    #[test]
    fn an_explosion_of_references_is_left_alone() {
        let big = "x".repeat(40_000);
        let env = Env::from([("A", big.into())]);
        assert_eq!(expand("$(A)$(A)", &env), "$(A)$(A)");
    }
}
