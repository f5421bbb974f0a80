//! What a prefix tells without knowing `log_line_prefix`: by the shape of its words.

/// What was found in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix<'a> {
    pub(super) pid: Option<u32>,
    pub(super) user: Option<&'a str>,
    pub(super) database: Option<&'a str>,
}

/// Reads a prefix: `[42]` is a process (`%p`), `bob@shop` a user and a database (`%u@%d`), and
/// `user=bob,db=shop` are they, too, as pgBadger wants them.
pub(super) fn read(prefix: &str) -> Prefix<'_> {
    let mut found = Prefix::default();
    for word in prefix.split([' ', ',']) {
        let inner = word.trim_end_matches(':');
        let inner = inner.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Some(pid) = inner.and_then(|it| it.split('-').next()?.parse().ok()) {
            found.pid.get_or_insert(pid);
        } else if let Some((name, value)) = word.split_once('=') {
            let value = Some(value).filter(|it| !it.is_empty());
            match name.trim_start_matches('[') {
                "user" | "u" => found.user = found.user.or(value),
                "db" | "database" | "d" => found.database = found.database.or(value),
                "pid" | "p" => found.pid = found.pid.or(value.and_then(|it| it.parse().ok())),
                _ => {}
            }
        } else if let Some((user, database)) = word.split_once('@') {
            let known = |it: &&str| !it.is_empty() && *it != "[unknown]";
            found.user = found.user.or(Some(user).filter(known));
            found.database = found.database.or(Some(database).filter(known));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_prefixes_tell_who_it_was() {
        let bob = Prefix {
            pid: Some(42),
            user: Some("bob"),
            database: Some("shop"),
        };
        for prefix in [
            "2026-11-28 13:00:00.123 UTC [42] bob@shop psql ",
            "2026-11-28 13:00:00 UTC [42]: [3-1] user=bob,db=shop,app=psql,client=[local] ",
            "pid=42 u=bob d=shop ",
        ] {
            assert_eq!(read(prefix), bob, "{prefix}");
        }
        assert_eq!(read("2026-11-28 13:00:00.123 UTC "), Prefix::default());
        assert_eq!(read("[7-1] [unknown]@[unknown] ").user, None);
    }
}
