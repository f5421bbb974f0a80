//! What a session asks for in its startup packet: what roles, databases and the server's files carry must not change
//! what it means.

use std::time::Duration;

/// What a session may set for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// All that a superuser may.
    Superuser,
    /// The same, and what it asks does not become what it reads: nothing of it is written into the server's log, but for
    /// what `log_connections` writes before the server knows what is asked for.
    SuperuserWithoutTrace,
    /// Only what everybody may.
    Ordinary,
    /// Nothing: the console of a pooler, which is no server and knows none of these settings.
    Console,
}

/// Since when a server knows all the settings that it is asked for: one that it does not know would keep us out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Every server that pgctl works with knows them.
    Since14,
    /// With [`SETTINGS_17`], and [`SUPERUSER_SETTINGS_17`] for a superuser.
    Since17,
}

/// Everything that what a session does depends on. A role, a database, and a role in a database can
/// carry a setting of each of these (`ALTER ROLE ... SET`), and so can the server's files; what a
/// client asks for in its startup packet overrules all of them (`PGC_S_CLIENT` comes after
/// `PGC_S_DATABASE_USER` in src/include/utils/guc.h). Names here exist since PostgreSQL 14: one that
/// a server does not know would keep us out.
const SETTINGS: [(&str, &str); 30] = [
    // Who we are: `ALTER ROLE ... SET role` would make us somebody else.
    ("role", "none"),
    // A superuser must not run what somebody has put into `public`.
    ("search_path", "pg_catalog"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // Sessions wait for other pods, without saying anything, within a guided operation.
    ("idle_session_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("client_min_messages", "warning"),
    // Some questions are tried in two ways.
    ("exit_on_error", "off"),
    ("array_nulls", "on"),
    // The plans of our questions fill logs by the megabyte.
    ("debug_print_parse", "off"),
    ("debug_print_rewritten", "off"),
    ("debug_print_plan", "off"),
    // The planner thinks much of some of our questions; compiling them costs the server more than they do.
    ("jit", "off"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("backslash_quote", "safe_encoding"),
    ("transform_null_equals", "off"),
    ("row_security", "on"),
    ("check_function_bodies", "on"),
    // Of the table that a write is proven with.
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("temp_tablespaces", ""),
    // A library that is not there would keep us out.
    ("local_preload_libraries", ""),
    // What this session has committed is on disk, and where commits wait for standbys, on them.
    ("synchronous_commit", "on"),
];

/// The same, of what only a superuser may set.
const SUPERUSER_SETTINGS: [(&str, &str); 4] = [
    ("session_preload_libraries", ""),
    ("session_replication_role", "origin"),
    ("lc_messages", "C"),
    ("temp_file_limit", "-1"),
];

/// Likewise. With these, whoever reads a damaged page gets an empty or a wrong one instead of an error, so a dump, a check or
/// a comparison would pass where data is lost.
pub(super) const DAMAGE_SETTINGS: [(&str, &str); 2] = [
    ("zero_damaged_pages", "off"),
    ("ignore_checksum_failure", "off"),
];

/// Whatever logs statements does so at LOG, also auto_explain and pgaudit, and that ranks below PANIC here (`is_log_level_output`
/// in src/backend/utils/error/elog.c).
const WITHOUT_TRACE: [(&str, &str); 2] =
    [("log_min_messages", "panic"), ("log_disconnections", "off")];

/// What PostgreSQL 16 does not know, once it is clear that a server is a later one. A transaction of its own, which
/// the setting of a role limits still.
pub(super) const AFTER_CONNECT_17: &str = "set transaction_timeout = 0";

/// The same, for the startup packet.
pub(super) const SETTINGS_17: [(&str, &str); 1] = [("transaction_timeout", "0")];

/// What only a superuser may set: a trigger on login may refuse everybody.
pub(super) const SUPERUSER_SETTINGS_17: [(&str, &str); 1] = [("event_triggers", "off")];

/// The settings, and the limits: a statement that nobody waits for any more must not go on.
pub(super) fn startup_options(timeout: Duration, rights: Rights, known: Known) -> String {
    // PostgreSQL takes as many as an int holds: over three weeks.
    let milliseconds = timeout.as_millis().min(i32::MAX as u128).to_string();
    let limits = ["statement_timeout", "lock_timeout"].map(|name| (name, milliseconds.as_str()));
    let untraced = rights == Rights::SuperuserWithoutTrace;
    let superuser = rights == Rights::Superuser || untraced;
    let newer = known == Known::Since17;
    let of = |wanted: bool, settings| if wanted { settings } else { &[][..] };
    let all = limits
        .iter()
        .chain(&SETTINGS)
        .chain(of(superuser, &SUPERUSER_SETTINGS))
        .chain(of(superuser, &DAMAGE_SETTINGS))
        .chain(of(untraced, &WITHOUT_TRACE))
        .chain(of(newer, &SETTINGS_17))
        .chain(of(newer && superuser, &SUPERUSER_SETTINGS_17));
    options(all)
}

/// Settings as a startup packet and `PGOPTIONS` have them.
pub(super) fn options<'a>(settings: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    let options: Vec<String> = settings
        // Spaces part options, unless a backslash is before them (`pg_split_opts` in postinit.c).
        .map(|(name, value)| format!("-c {name}={}", value.replace(' ', "\\ ")))
        .collect();
    options.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_in_a_value_does_not_end_it() {
        let options = startup_options(Duration::from_secs(5), Rights::Ordinary, Known::Since14);
        assert!(options.starts_with("-c statement_timeout=5000 -c lock_timeout=5000 "));
        assert!(options.contains("-c default_transaction_isolation=read\\ committed -c "));
        assert!(options.contains("-c temp_tablespaces= -c "));
        assert!(!options.contains("lc_messages"));
    }

    /// Nobody else may set them, not even to what they are.
    #[test]
    fn a_superuser_reads_no_damaged_page_as_a_whole_one() {
        for (rights, asked) in [
            (Rights::Superuser, true),
            (Rights::SuperuserWithoutTrace, true),
            (Rights::Ordinary, false),
        ] {
            let options = startup_options(Duration::from_secs(5), rights, Known::Since14);
            for name in ["zero_damaged_pages=off", "ignore_checksum_failure=off"] {
                assert_eq!(options.contains(name), asked, "{rights:?}: {name}");
            }
        }
    }

    /// A server before 17 would not let in who asks for them.
    #[test]
    fn what_only_17_knows_is_asked_for_only_where_it_may_have_refused_a_login() {
        let options = |rights, known| startup_options(Duration::from_secs(5), rights, known);
        let newer = " -c transaction_timeout=0";
        for (rights, more) in [
            (Rights::Superuser, format!("{newer} -c event_triggers=off")),
            (
                Rights::SuperuserWithoutTrace,
                format!("{newer} -c event_triggers=off"),
            ),
            (Rights::Ordinary, newer.to_owned()),
        ] {
            let first = options(rights, Known::Since14);
            assert_eq!(options(rights, Known::Since17), first + &more);
        }
    }
}
