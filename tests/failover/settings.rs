//! What roles and databases set for the sessions of others leaves every command as it is, the start
//! script and the probes, too; and so does the language that servers and their programs speak.

use anyhow::{Context as _, Result, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, on_sandbox};

/// What a session can be given before its first statement, each with a value that would be felt.
const SETTINGS: [(&str, &str); 52] = [
    ("allow_system_table_mods", "on"),
    ("array_nulls", "off"),
    ("backslash_quote", "off"),
    ("bytea_output", "escape"),
    ("check_function_bodies", "off"),
    ("client_encoding", "LATIN1"),
    ("client_min_messages", "debug5"),
    ("commit_delay", "1000"),
    ("cursor_tuple_fraction", "0.001"),
    ("DateStyle", "German, DMY"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", "pg_global"),
    ("default_text_search_config", "pg_catalog.german"),
    ("default_transaction_deferrable", "on"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("enable_seqscan", "off"),
    ("enable_hashagg", "off"),
    ("escape_string_warning", "on"),
    ("exit_on_error", "on"),
    ("extra_float_digits", "-10"),
    ("from_collapse_limit", "1"),
    ("gin_pending_list_limit", "64"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("idle_session_timeout", "1ms"),
    ("IntervalStyle", "sql_standard"),
    ("jit_above_cost", "0"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lo_compat_privileges", "on"),
    ("lock_timeout", "1ms"),
    ("log_min_duration_statement", "0"),
    ("log_min_messages", "debug1"),
    ("maintenance_work_mem", "1MB"),
    ("max_parallel_workers_per_gather", "0"),
    ("max_stack_depth", "100kB"),
    ("password_encryption", "md5"),
    ("plan_cache_mode", "force_generic_plan"),
    ("quote_all_identifiers", "on"),
    ("role", "pg_monitor"),
    ("row_security", "off"),
    ("search_path", "trap, pg_catalog"),
    ("standard_conforming_strings", "off"),
    ("statement_timeout", "1ms"),
    ("synchronous_commit", "off"),
    ("temp_file_limit", "0"),
    ("temp_tablespaces", "pg_global"),
    ("TimeZone", "Asia/Kathmandu"),
    ("transform_null_equals", "on"),
    ("xmloption", "document"),
];

/// Of what only a superuser's session is free: who replicates has no say in it.
const OF_SUPERUSERS: [(&str, &str); 2] = [
    ("session_preload_libraries", "nothing_of_this_name"),
    ("session_replication_role", "replica"),
];

const LIBRARIES: (&str, &str) = ("local_preload_libraries", "nothing_of_this_name");

impl TestCluster {
    /// Whoever looks is this.
    async fn everything_is_set(&self) -> Result<usize> {
        let session = self.open("primary-0").await?;
        session
            .rows(
                "CREATE SCHEMA trap; CREATE FUNCTION trap.pg_is_in_recovery() RETURNS boolean \
                 LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION trap.now() RETURNS timestamptz \
                 LANGUAGE sql AS 'SELECT NULL::timestamptz'",
            )
            .await?;
        let version = session.one("SHOW server_version_num").await?;
        let version: u32 = version.parse()?;
        let newer = if version >= 170_000 {
            &[("transaction_timeout", "1ms")][..]
        } else {
            &[]
        };
        let postgres = self.login.user();
        for place in [
            "ROLE ALL".to_owned(),
            format!("ROLE {postgres}"),
            "ROLE replicator".to_owned(),
            "DATABASE postgres".to_owned(),
            "DATABASE template1".to_owned(),
            "DATABASE shop".to_owned(),
            format!("ROLE {postgres} IN DATABASE postgres"),
        ] {
            let more = if place.contains(postgres) && !place.contains("DATABASE postgres") {
                &OF_SUPERUSERS[..]
            } else {
                &[]
            };
            let all = SETTINGS.iter().chain([&LIBRARIES]).chain(newer).chain(more);
            for (name, value) in all {
                let list = value.replace(", ", "', '");
                let set = format!("ALTER {place} SET {name} = '{list}'");
                session.rows(&set).await?;
            }
        }
        self.settings("primary-0").await
    }

    /// How many settings roles and databases carry.
    async fn settings(&self, tail: &str) -> Result<usize> {
        let count = "SELECT count(*) FROM pg_db_role_setting, unnest(setconfig)";
        Ok(self.open(tail).await?.one(count).await?.parse()?)
    }

    /// What can be looked at is as ever.
    async fn looks_healthy(&self, store: &str) -> Result<()> {
        eventually("status is content", async || {
            self.pgctl(&["status"]).await?.exits(0).map(drop)
        })
        .await?;
        for command in [
            &["lag", "--max-lag", "1GB"][..],
            &["slots"],
            &["history"],
            &["hpa"],
            &["sync"],
            &["queries"],
            &["locks"],
            &["connections"],
            &["databases"],
            &["users"],
            &["config"],
            &["config", "diff"],
            &["disk", "--sample", "0s"],
            &["metrics"],
            &["query", "--all", "select 1"],
            &["backup", "list", "--store", store],
        ] {
            // A busy machine may be silent for a look.
            let run = eventually("it answers", async || self.pgctl(command).await?.exits(0));
            let run = run.await?;
            // Of who has run something, the name may not be known; metrics say that of none.
            let may = command == ["history"] || command == ["metrics"] || command[0] == "config";
            let seen = may || !run.stdout.contains("unknown");
            ensure!(seen, "something is not seen: {run}");
        }
        Ok(())
    }

    async fn stored(&self, store: &str, more: &[&str]) -> Result<()> {
        let arguments = [&["backup", "--store", store, "-o", "json"], more].concat();
        let document = self.pgctl(&arguments).await?.exits(0)?.json()?;
        let id = document["id"]
            .as_str()
            .or(document["backup"]["id"].as_str());
        let id = id
            .with_context(|| format!("no name in {document}"))?
            .to_owned();
        let verify = ["backup", "verify", &id, "--restore-test", "--store", store];
        self.pgctl(&verify).await?.exits(0).map(drop)
    }
}

#[test]
fn what_roles_and_databases_set_leaves_every_command_as_it_is() -> Result<()> {
    on_sandbox(2, async |cluster| {
        cluster.only_bounds_scale()?;
        cluster.sql("primary-0", "CREATE DATABASE shop").await?;
        cluster.speaks_german().await?;
        let oracle = Oracle::start(cluster).await?;
        let set = cluster.everything_is_set().await?;
        // Sessions of before go on without.
        for tail in ["replica-0", "replica-1"] {
            eventually("the standbys have it, too", async || {
                ensure!(cluster.settings(tail).await? == set, "not yet");
                Ok(())
            })
            .await?;
        }
        let store = cluster.folder().join("backups");
        let store = store.to_string_lossy().into_owned();
        cluster.looks_healthy(&store).await?;

        // Primaries and standbys start as ever, are copied as ever, and the probes say so.
        cluster.kill("replica-1").await?;
        oracle.content(cluster).await?;
        for tail in ["primary-0", "replica-0"] {
            cluster.replace(tail).await?;
            oracle.content(cluster).await?;
            // It streams before its probe has said so.
            cluster.all_ready().await?;
        }
        for change in [
            &["failover", "--to", "replica-0", "--rejoin", "--yes"][..],
            &["reinit", "replica-1", "--yes"],
            &["sync", "set", "--standbys", "1", "--yes"],
            &["scale", "3", "--permanent", "--yes"],
            &["failover", "--to", "primary-0", "--yes"],
            &["scale", "2", "--permanent", "--yes"],
            &["sync", "set", "--standbys", "off", "--yes"],
            &["rollout", "--restart", "--back", "--yes"],
        ] {
            cluster.pgctl(change).await?.exits(0)?;
            oracle.content(cluster).await?;
            cluster.all_ready().await?;
        }
        cluster.looks_healthy(&store).await?;

        // An emergency.
        cluster.scale("primary", 0)?;
        cluster.kill("primary-0").await?;
        cluster.gone("primary-0").await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?
            .exits(0)?;
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        oracle.content_but_for_losses(cluster).await?;
        cluster
            .pgctl(&["failover", "--to", "primary-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        oracle.content_but_for_losses(cluster).await?;

        cluster.stored(&store, &[]).await?;
        cluster.stored(&store, &["--physical"]).await?;
        cluster.stored(&store, &["--database", "shop"]).await?;
        cluster.looks_healthy(&store).await?;
        oracle.never_two()?;
        let after = cluster.settings("primary-0").await?;
        ensure!(after == set, "{set} settings were there, and are {after}");
        Ok(())
    })
}
