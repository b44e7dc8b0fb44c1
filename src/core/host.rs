//! Host names as they are compared: lower case, no final dot, the port apart.

/// Splits `host`, `host:port` or `[address]:port`. None where no host name or address is left.
pub fn normalise(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, rest)) => (address, Some(rest.strip_prefix(':')?)),
        // More than one colon without brackets is an IPv6 address without a port.
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(h, p)| (h, Some(p))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let whole = !host.is_empty() && !host.starts_with('.') && !host.ends_with('.');
    (whole && host.chars().all(is_name)).then_some((host, port))
}

/// The host of `scheme://user@host:port/path`, or of a bare `host:port`.
pub fn of_url(url: &str) -> Option<(String, Option<u16>)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    normalise(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_final_dot_and_port_do_not_make_another_host() {
        assert_eq!(normalise("DB.Example.com.:5432"), Some(("db.example.com".into(), Some(5432))));
        assert_eq!(normalise("db"), Some(("db".into(), None)));
        assert_eq!(normalise("[::1]:5432"), Some(("::1".into(), Some(5432))));
        assert_eq!(normalise("2001:DB8::1"), Some(("2001:db8::1".into(), None)));
    }

    #[test]
    fn what_is_no_host_is_none() {
        for text in ["", ".", ":5432", "a b", "db:port", "db:99999", "a/b", "..", "[::1]x"] {
            assert_eq!(normalise(text), None, "{text}");
        }
    }

    #[test]
    fn the_host_of_an_address_is_found() {
        assert_eq!(
            of_url("https://u:p@S3.example.com:9000/x?y"),
            Some(("s3.example.com".into(), Some(9000)))
        );
        assert_eq!(of_url("s3.example.com"), Some(("s3.example.com".into(), None)));
    }
}
