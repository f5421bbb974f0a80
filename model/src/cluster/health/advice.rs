//! What to type, for findings of several checks.

/// A command that runs SQL in a pod as its superuser. `sql` must be ready for a single-quoted
/// shell string inside double quotes.
pub(super) fn in_psql(namespace: &str, pod: &str, sql: &str) -> String {
    format!(
        "kubectl -n {namespace} exec {pod} -c postgres -- sh -c 'psql -U \"$POSTGRES_USER\" -d postgres -c \"{sql}\"'"
    )
}

/// What to type when a database has another password than the Secret.
pub(super) fn mend_password(namespace: &str, secret: &str, key: &str) -> String {
    format!(
        "kubectl -n {namespace} edit secret {secret}   # put the password that PostgreSQL has into {key}: docs/secrets.md"
    )
}
