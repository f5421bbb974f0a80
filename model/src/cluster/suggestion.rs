//! Commands of pgctl that findings suggest. Whatever is in a name or in a text, they are safe to paste.

use super::words::shell_word;

/// A word as a shell takes it. What no screen prints is written as its bytes, in the way of bash and zsh: left out, it
/// would make another name of it.
pub(crate) fn word(text: &str) -> String {
    let shown = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    if text.chars().all(shown) {
        return shell_word(text);
    }
    let mut word = "$'".to_owned();
    for c in text.chars() {
        match c {
            // No argument can hold it.
            '\0' => {}
            '\'' | '\\' => word.extend(['\\', c]),
            c if shown(c) => word.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    word += &format!("\\x{byte:02x}");
                }
            }
        }
    }
    word + "'"
}

/// The option that names a database.
pub(crate) fn database_option(database: &str) -> String {
    match database.starts_with('-') {
        // As a word of its own it would be an option.
        true => format!("--database={}", word(database)),
        false => format!("-d {}", word(database)),
    }
}

/// Runs SQL, or one of psql's commands, in a database of a pod.
pub(crate) fn psql(namespace: &str, pod: &str, database: &str, sql: &str) -> String {
    let database = match database {
        // What `pgctl psql` takes by itself.
        "postgres" => String::new(),
        other => format!(" {}", database_option(other)),
    };
    let sql = word(sql);
    format!("pgctl -n {namespace} psql {pod}{database} -- -c {sql}")
}

/// Shows settings, of every server: the values, and where they come from.
pub(crate) fn show_settings(namespace: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|it| word(it)).collect();
    let names = names.join(" ");
    format!("pgctl -n {namespace} config show {names}")
}

/// Shows what a pod's server does at the moment.
pub(crate) fn show_queries(namespace: &str, pod: &str) -> String {
    format!("pgctl -n {namespace} queries --pod {pod}")
}

/// Shows who is connected to a pod's server.
pub(crate) fn show_connections(namespace: &str, pod: &str) -> String {
    format!("pgctl -n {namespace} connections --pod {pod}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_it_is_one_word() {
        assert_eq!(
            psql("prod", "pg-0", "o'shop $(x)", "select 'a'"),
            r#"pgctl -n prod psql pg-0 -d "o'shop "'$(x)' -- -c "select 'a'""#
        );
        assert_eq!(
            psql("prod", "pg-0", "postgres", "checkpoint"),
            "pgctl -n prod psql pg-0 -- -c checkpoint"
        );
        assert_eq!(
            psql("prod", "pg-0", "-x", "checkpoint"),
            "pgctl -n prod psql pg-0 --database=-x -- -c checkpoint"
        );
        assert_eq!(database_option("--help me"), "--database='--help me'");
    }

    #[test]
    fn what_no_screen_prints_is_written_as_its_bytes() {
        for (name, written) in [
            ("\u{1b}[31mred", r"$'\x1b[31mred'"),
            ("a\u{202e}b", r"$'a\xe2\x80\xaeb'"),
            ("it's\\\n", r"$'it\'s\\\x0a'"),
            ("Grüße", "'Grüße'"),
        ] {
            assert_eq!(word(name), written);
        }
        assert_eq!(database_option("-\u{7}"), r"--database=$'-\x07'");
    }
}
