//! `primary_conninfo`: which server a standby streams from.

/// The connection string with another host (a pod and its Service), all else as it was (user, passfile, TLS settings,
/// application_name, and how the name of the host goes on, `.NAMESPACE.svc`, as it is in its certificate); and with this database, where one is given and it names none. None when the string can't be read as `key = value` pairs.
///
/// Syntax: PostgreSQL documentation, section 34.1.1.1 "Keyword/Value Connection Strings".
pub(super) fn with_host(conninfo: &str, host: &str, database: Option<&str>) -> Option<String> {
    let mut pairs = pairs(conninfo)?;
    // An address would win over the host.
    pairs.retain(|(key, _)| key != "hostaddr");
    match pairs.iter_mut().find(|(key, _)| key == "host") {
        Some((_, value)) => *value = format!("{host}{}", name_goes_on(value)),
        None => pairs.insert(0, ("host".to_owned(), host.to_owned())),
    }
    if let Some(database) = database.filter(|_| !pairs.iter().any(|(key, _)| key == "dbname")) {
        pairs.push(("dbname".to_owned(), database.to_owned()));
    }
    let text: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", quoted(value)))
        .collect();
    Some(text.join(" "))
}

/// `.NAMESPACE.svc`, and what follows, of `POD.SERVICE.NAMESPACE.svc`; nothing of any other host.
fn name_goes_on(host: &str) -> &str {
    let mut dots = host.match_indices('.').map(|(at, _)| at);
    let rest = dots.nth(1).and_then(|second| host.get(second..));
    rest.filter(|it| it.split('.').nth(2) == Some("svc"))
        .unwrap_or_default()
}

fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value
            .chars()
            .any(|c| c.is_whitespace() || c == '\'' || c == '\\');
    if plain {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

/// As libpq's `conninfo_parse`.
fn pairs(conninfo: &str) -> Option<Vec<(String, String)>> {
    let mut rest = conninfo.trim_start();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return None;
        }
        let (value, after) = value(after.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Some(pairs)
}

/// A value and what comes after it.
fn value(text: &str) -> Option<(String, &str)> {
    let (text, in_quotes) = match text.strip_prefix('\'') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if in_quotes => return Some((value, text.get(at + 1..)?)),
            c if !in_quotes && c.is_whitespace() => return Some((value, text.get(at..)?)),
            c => value.push(c),
        }
    }
    (!in_quotes).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_host_changes() {
        for (before, after) in [
            (
                "host=a port=5432 user=replicator passfile=/run/x application_name=p-1",
                "host=b port=5432 user=replicator passfile=/run/x application_name=p-1",
            ),
            ("user=r", "host=b user=r"),
            ("", "host=b"),
            (
                "host = 'a b'  password = 'it\\'s'",
                "host=b password='it\\'s'",
            ),
            ("hostaddr=10.0.0.1 host=a", "host=b"),
            ("host=10.0.0.1", "host=b"),
            (
                "host=a-0.a.ns.svc sslmode=verify-full",
                "host=b.ns.svc sslmode=verify-full",
            ),
            ("host=a-0.a.ns.svc.k.local", "host=b.ns.svc.k.local"),
            ("host=a-0.a.example.com", "host=b"),
        ] {
            assert_eq!(
                with_host(before, "b", None).as_deref(),
                Some(after),
                "{before}"
            );
        }
    }

    #[test]
    fn a_database_is_named_where_none_is() {
        let with = |before| with_host(before, "b", Some("postgres"));
        assert_eq!(with("host=a").as_deref(), Some("host=b dbname=postgres"));
        assert_eq!(with("host=a dbname=x").as_deref(), Some("host=b dbname=x"));
    }

    #[test]
    fn what_can_not_be_read_is_left_alone() {
        for text in ["postgresql", "host='a", "=x", "a b=c", "password='x\\"] {
            assert_eq!(with_host(text, "b", Some("postgres")), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_value_survives(password in "[ -~]*", host in "[ -~]+") {
            let conninfo = format!("password={}", quoted(&password));
            let changed = with_host(&conninfo, &host, None).expect("what we quote we can read");
            prop_assert_eq!(
                pairs(&changed),
                Some(vec![("host".to_owned(), host), ("password".to_owned(), password)])
            );
        }
    }
}
