//! Databases that carry what gets in the way of whoever looks at them: from the backup to what was
//! restored.

use anyhow::{Result, ensure};

use super::test_cluster::{TestCluster, eventually, on_cluster, on_sandbox};

impl TestCluster {
    /// The backup can be restored, as a trial on this machine says.
    async fn is_restorable(&self, backup: &str) -> Result<()> {
        let store = self.backups();
        let verify = [
            "backup",
            "verify",
            backup,
            "--restore-test",
            "--store",
            &store,
        ];
        self.pgctl(&verify).await?.exits(0)?;
        Ok(())
    }
}

/// In a database with the encoding `SQL_ASCII` a name may be any bytes.
#[test]
fn a_name_that_is_not_utf8_stands_in_nobodys_way() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let make = "create database bytes encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0";
        cluster.psql("primary-0", "postgres", make)?;
        let table = "do $$begin execute format('create table %I as select generate_series(1, 7) as n', \
             convert_from('\\x636166e9', 'SQL_ASCII')); end$$";
        cluster.psql("primary-0", "bytes", table)?;
        let there = "select count(*) from pg_class where relname::text = convert_from('\\x636166e9', 'SQL_ASCII')";
        cluster.pgctl(&["status"]).await?.exits(0)?;

        let logical = cluster.back_up(&[]).await?;
        cluster.is_restorable(&logical).await?;
        cluster
            .restore(&[&logical, "--clean", "--database", "bytes"])
            .await?
            .exits(0)?;
        ensure!(
            cluster.psql("primary-0", "bytes", there)? == "1",
            "it is gone"
        );

        let physical = cluster.back_up(&["--physical"]).await?;
        cluster.is_restorable(&physical).await?;
        cluster.restore(&[&physical]).await?.exits(0)?;
        cluster.healthy("primary-0").await?;
        ensure!(
            cluster.psql("primary-0", "bytes", there)? == "1",
            "it is gone"
        );
        ensure!(
            cluster.list().await?.contains(&physical),
            "it is not listed"
        );
        Ok(())
    })
}

#[test]
fn settings_and_triggers_of_a_database_are_not_those_of_the_tools() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.psql("primary-0", "postgres", "create database shop")?;
        cluster.psql(
            "primary-0",
            "shop",
            "create table item as select generate_series(1, 1000) as n; \
             create function no_changes() returns event_trigger language plpgsql as \
               $$begin raise exception 'no changes here'; end$$; \
             create event trigger no_changes on ddl_command_start execute function no_changes(); \
             alter event trigger no_changes enable always",
        )?;
        for setting in [
            "default_transaction_read_only = on",
            "default_transaction_isolation = serializable",
            "default_transaction_deferrable = on",
            "statement_timeout = '1ms'",
            "lock_timeout = '1ms'",
            "idle_session_timeout = '1s'",
            "idle_in_transaction_session_timeout = '1ms'",
            "row_security = off",
            "search_path = nowhere",
            "quote_all_identifiers = on",
            "session_replication_role = replica",
            "zero_damaged_pages = on",
        ] {
            let set = format!("alter database shop set {setting}");
            cluster.psql("primary-0", "postgres", &set)?;
        }
        eventually("the standby has all of it", async || {
            let count = "select count(*) from pg_db_role_setting, unnest(setconfig)";
            let rows = cluster.psql("replica-0", "postgres", count)?;
            ensure!(rows == "12", "{rows} settings");
            Ok(())
        })
        .await?;
        for kind in [&["--from", "replica-0"][..], &["--physical"]] {
            let backup = cluster.back_up(kind).await?;
            cluster.is_restorable(&backup).await?;
            cluster.restore(&[&backup, "--clean"]).await?.exits(0)?;
            cluster.healthy("primary-0").await?;
            let rows = cluster.psql(
                "primary-0",
                "postgres",
                "select count(*) from pg_db_role_setting, unnest(setconfig)",
            )?;
            ensure!(rows == "12", "{rows} settings are left after {kind:?}");
        }
        Ok(())
    })
}

/// After an upgrade of its C library, each session in a database begins with a warning.
#[test]
fn a_warning_at_every_connection_is_not_what_was_asked_for() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let warn = "update pg_database set datcollversion = '2.31'";
        cluster.psql("primary-0", "postgres", warn)?;
        let rows = "create table item as select generate_series(1, 7) as n";
        cluster.psql("primary-0", "postgres", rows)?;
        let backup = cluster.back_up(&["--physical"]).await?;
        cluster.psql("primary-0", "postgres", "drop table item")?;
        cluster.restore(&[&backup]).await?.exits(0)?;
        cluster.healthy("primary-0").await?;
        let count = cluster.psql("primary-0", "postgres", "select count(*) from item")?;
        ensure!(count == "7", "{count} rows are back");
        Ok(())
    })
}

#[test]
fn a_database_that_nobody_can_dump_is_named() -> Result<()> {
    on_cluster(1, async |cluster| {
        let make = "create database attic allow_connections false";
        cluster.psql("primary-0", "postgres", make)?;
        // A backup is taken from a standby.
        cluster.all_stream().await?;
        let store = cluster.backups();
        let run = cluster
            .pgctl(&["backup", "--store", &store])
            .await?
            .exits(0)?;
        run.says("nobody can connect to it")?.says("attic")?;
        let listed = cluster
            .pgctl(&["backup", "list", "--store", &store])
            .await?;
        listed.exits(0)?.says("without attic")?;
        let one = ["backup", "--database", "attic", "--store", &store];
        let run = cluster.pgctl(&one).await?;
        ensure!(run.status.code() == Some(3), "{run}");
        run.says("nobody can connect to the database \"attic\"")?;
        Ok(())
    })
}

#[test]
fn a_dump_that_waits_for_a_lock_says_for_which_and_who_has_it() -> Result<()> {
    on_cluster(1, async |cluster| {
        cluster.psql("primary-0", "postgres", "create table public.item ()")?;
        let holder = cluster.open("primary-0").await?;
        holder
            .rows("set application_name = 'migration'; begin; lock table public.item")
            .await?;
        let store = cluster.backups();
        let mut taking = cluster.begin(&["backup", "--from", "primary", "--store", &store])?;
        taking.says("held by pid").await?;
        holder.rows("rollback").await?;
        let said = taking.ends_well().await?;
        for words in [
            "for a lock: LOCK TABLE public.item",
            "held by pid",
            "migration",
        ] {
            ensure!(said.contains(words), "{words:?} is not in {said}");
        }
        Ok(())
    })
}

#[test]
fn one_view_that_cannot_be_made_keeps_no_other_database_out() -> Result<()> {
    on_cluster(1, async |cluster| {
        for name in ["good", "bad"] {
            cluster.psql("primary-0", "postgres", &format!("create database {name}"))?;
            cluster.psql("primary-0", name, "create table item as select 1 as n")?;
        }
        // Its content asks where it is.
        cluster.psql(
            "primary-0",
            "bad",
            "create table here (place text default 'x', check (current_database() = 'bad')); \
             insert into here values ('x')",
        )?;
        // A standby may not have it yet.
        let backup = cluster.back_up(&["--from", "primary"]).await?;
        let run = cluster.restore(&[&backup, "--clean"]).await?.exits(6)?;
        run.says("current_database()")?
            .says("--except bad")?
            .says("docs/runbooks/restore.md")?;
        cluster.psql("primary-0", "good", "drop table item")?;
        cluster
            .restore(&[&backup, "--clean", "--except", "bad"])
            .await?
            .exits(0)?;
        eventually("the other one is back", async || {
            let rows = cluster.psql("primary-0", "good", "select count(*) from item")?;
            ensure!(rows == "1", "{rows} rows");
            Ok(())
        })
        .await?;
        cluster
            .restore(&[&backup, "--except", "nobody"])
            .await?
            .exits(3)?
            .says("there is no [\"nobody\"] in the backup")?;
        Ok(())
    })
}
