//! Whole names in a text: words of letters, digits, `-`, `_` and `.`, with the port where one follows.

/// A word that may be a host name, a Service or a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// The word as written, without one final dot.
    pub text: &'a str,
    /// The port that follows it.
    pub port: Option<u16>,
}

/// The names in `text`, in order. A word is never cut: `accounts` is not in `my-accounts`.
pub(super) fn names(text: &str) -> impl Iterator<Item = Name<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        let from = &rest[start..];
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        rest = after;
        Some((word, port(after)))
    })
    .flat_map(|(word, port)| {
        // `-hHOST`: a short option and its value in one word.
        let mut chars = word.chars();
        let glued = (chars.next() == Some('-') && chars.next().is_some_and(|c| c.is_ascii_alphabetic()))
            .then_some(chars.as_str());
        [Some(word), glued].into_iter().flatten().map(move |w| (w, port))
    })
    .filter_map(|(word, port)| {
        // No name begins with these, so nothing is cut off one.
        let text = word.trim_start_matches(['-', '.']);
        let text = text.strip_suffix('.').unwrap_or(text);
        (!text.is_empty()).then_some(Name { text, port })
    })
}

/// IPv6 addresses in `text`: in brackets with their port, or the whole text.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = Name<'_>> {
    let is_address = |t: &&str| t.parse::<std::net::Ipv6Addr>().is_ok();
    let whole = Some(text.trim()).filter(is_address).map(|text| Name { text, port: None });
    let bracketed = text.split('[').skip(1).filter_map(|part| part.split_once(']'));
    let bracketed = bracketed.filter(move |(inner, _)| is_address(inner));
    whole.into_iter().chain(bracketed.map(|(text, after)| Name { text, port: port(after) }))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || !c.is_ascii()
}

fn port(after: &str) -> Option<u16> {
    let digits = after.strip_prefix(':')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if digits[end..].starts_with(is_word) { None } else { digits[..end].parse().ok() }
}

/// `text` with `%40` and the like decoded, where it has any: URLs inside URLs hide no name.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut found = false;
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&b) = bytes.next() {
        let ahead = bytes.as_slice();
        let hex = |i: usize| ahead.get(i).and_then(|b| char::from(*b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (b, hex(0), hex(1)) {
            found = true;
            out.push(u8::try_from(high * 16 + low).unwrap_or(b' '));
            bytes.nth(1);
        } else {
            out.push(b);
        }
    }
    found.then(|| String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, Option<u16>)> {
        names(text).map(|n| (n.text, n.port)).collect()
    }

    #[test]
    fn a_name_is_whole_and_its_port_is_read_only_where_one_follows() {
        assert_eq!(
            read("postgres://app:pw@db.example.com:5432/accounts?x=y"),
            [
                ("postgres", None),
                ("app", None),
                ("pw", None),
                ("db.example.com", Some(5432)),
                ("5432", None),
                ("accounts", None),
                ("x", None),
                ("y", None)
            ]
        );
        assert_eq!(read("db.example.com."), [("db.example.com", None)]);
        assert_eq!(read("db:54x2"), [("db", None), ("54x2", None)]);
        assert_eq!(read("é-db"), [("é-db", None)]);
    }

    #[test]
    fn a_short_option_glued_to_its_value_is_read() {
        assert_eq!(read("-hdb.example.com"), [("hdb.example.com", None), ("db.example.com", None)]);
        assert_eq!(read("--host=db"), [("host", None), ("db", None)]);
    }

    #[test]
    fn an_ipv6_address_is_read_whole() {
        let read = |t| addresses(t).map(|n| (n.text, n.port)).collect::<Vec<_>>();
        assert_eq!(read("2001:db8::1"), [("2001:db8::1", None)]);
        assert_eq!(read("pg://u@[2001:db8::1]:5432/x"), [("2001:db8::1", Some(5432))]);
        assert_eq!(read("a:b:c"), []);
    }

    #[test]
    fn an_encoded_text_is_decoded() {
        assert_eq!(percent_decoded("http%3A%2F%2Fdb.x"), Some("http://db.x".into()));
        assert_eq!(percent_decoded("100%"), None);
        assert_eq!(percent_decoded("é%4"), None);
    }
}
