//! What is suggested in several places, most of it commands of pgctl. Whatever is in a name or in a text, they are safe to
//! paste.

use super::words::shell_word;

/// For whom the API does not let look.
pub const ASK_FOR_RIGHTS: &str = "ask for the Role pgctl-viewer (deploy/rbac)";

/// An option with its value.
pub fn option(name: &str, value: &str) -> String {
    // As a word of its own it would be an option.
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{between}{}", shell_word(value))
}

/// The option that names a database.
pub(crate) fn database_option(database: &str) -> String {
    let name = match database.starts_with('-') {
        true => "--database",
        false => "-d",
    };
    option(name, database)
}

/// Runs SQL, or one of psql's commands, in a database of a pod.
pub fn psql(namespace: &str, pod: &str, database: &str, sql: &str) -> String {
    let database = match database {
        // What `pgctl psql` takes by itself.
        "postgres" => String::new(),
        other => format!(" {}", database_option(other)),
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
        assert_eq!(
            psql("prod", "pg-0", "-x", "checkpoint"),
            "pgctl -n prod psql pg-0 --database=-x -- -c checkpoint"
        );
        assert_eq!(database_option("--help me"), "--database='--help me'");
        assert_eq!(database_option("shop"), "-d shop");
    }

    #[test]
    fn a_value_with_a_leading_dash_is_no_option() {
        assert_eq!(option("--except", "shop"), "--except shop");
        assert_eq!(option("--except", "-x y"), "--except='-x y'");
        assert_eq!(database_option("-\u{7}"), r"--database=$'-\007'");
    }
}
