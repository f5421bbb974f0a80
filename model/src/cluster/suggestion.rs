//! Commands of pgctl that findings suggest. Whatever is in a name or in a text, they are safe to paste.

use super::words::shell_word;

/// Runs SQL, or one of psql's commands, in a database of a pod.
pub(crate) fn psql(namespace: &str, pod: &str, database: &str, sql: &str) -> String {
    let database = match database {
        // What `pgctl psql` takes by itself.
        "postgres" => String::new(),
        other => format!(" -d {}", shell_word(other)),
    };
    let sql = shell_word(sql);
    format!("pgctl -n {namespace} psql {pod}{database} -- -c {sql}")
}

/// Shows settings, of every server: the values, and where they come from.
pub(crate) fn show_settings(namespace: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|it| shell_word(it)).collect();
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
    }
}
