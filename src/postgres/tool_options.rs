//! What PostgreSQL's own tools are told about their sessions.

use super::startup::{DAMAGE_SETTINGS, SETTINGS_17, SUPERUSER_SETTINGS_17, options};

/// Settings that a role, a database or the server's files may carry and that would change what
/// `pg_dump`, `pg_restore`, `pg_basebackup`, `pg_amcheck` and `psql` do, or end them. What a client
/// asks for in its startup packet overrules all of them (`PGC_S_CLIENT` comes after
/// `PGC_S_DATABASE_USER` in src/include/utils/guc.h). The tools set some of these themselves, each
/// version others. Names here exist since PostgreSQL 14: one that a server does not know would keep
/// the tool out.
const SETTINGS: [(&str, &str); 22] = [
    ("role", "none"),
    ("search_path", "pg_catalog"),
    ("default_transaction_read_only", "off"),
    // On a standby nothing can be read when it is serializable.
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    // The longest a table takes, and the longest that a tool waits for another.
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("client_min_messages", "warning"),
    ("exit_on_error", "off"),
    // What is loaded and made means what it meant where it was dumped.
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    // Libraries that are not there would keep the tool out.
    ("local_preload_libraries", ""),
    ("session_preload_libraries", ""),
    ("session_replication_role", "origin"),
    // Indexes are made with as much as they need.
    ("temp_file_limit", "-1"),
    // Messages are read, and looked for words.
    ("lc_messages", "C"),
];

/// The value of `PGOPTIONS` for a tool of PostgreSQL's that logs in to a server of this version
/// (`server_version_num`) as a superuser.
pub fn tool_options(version: u32) -> String {
    // Triggers on events would forbid, or change, what a tool does to a database, also the login to it.
    let newer = SETTINGS_17.iter().chain(&SUPERUSER_SETTINGS_17);
    let newer = newer.filter(|_| version >= 170_000);
    options(SETTINGS.iter().chain(&DAMAGE_SETTINGS).chain(newer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_for_nothing_that_it_does_not_know() {
        let old = tool_options(150_018);
        assert!(old.contains("-c default_transaction_isolation=read\\ committed -c "));
        assert!(!old.contains("transaction_timeout") && !old.contains("event_triggers"));
        // A dump of damaged pages must fail, and not leave them out.
        for name in ["zero_damaged_pages", "ignore_checksum_failure"] {
            assert!(old.contains(&format!("-c {name}=off")), "{name}");
        }
        let new = tool_options(170_001);
        assert!(new.ends_with("-c transaction_timeout=0 -c event_triggers=off"));
    }
}
