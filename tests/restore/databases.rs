//! Logical restores.

use age::secrecy::ExposeSecret as _;
use anyhow::{Result, ensure};
use pgctl_sandbox::cli::{CutStream, FaultKind};

use super::difficult_data;
use super::test_cluster::{TestCluster, eventually, full, on_sandbox};
use super::tools::same;

impl TestCluster {
    pub(super) async fn restore(&self, more: &[&str]) -> Result<super::test_cluster::Run> {
        let store = self.backups();
        let mut arguments = vec!["restore", "--store", &store, "--yes"];
        arguments.extend(more);
        self.pgctl(&arguments).await
    }
}

/// Encrypted, and with no more rights than the shipped Role gives.
#[test]
fn a_dump_restored_into_an_empty_cluster_is_the_same_byte_for_byte() -> Result<()> {
    on_sandbox(1, async |cluster| {
        difficult_data::load(cluster.client("psql", "primary-0")?);
        let before = cluster.dump_all("primary-0")?;
        let key = age::x25519::Identity::generate();
        let identity = cluster.folder().join("key.txt");
        std::fs::write(&identity, key.to_string().expose_secret())?;
        let identity = identity.to_string_lossy().into_owned();
        let recipient = key.to_public().to_string();
        // A standby is ahead of its primary in what a sequence may hand out next.
        let backup = cluster
            .back_up(&["--from", "primary", "--encrypt", &recipient])
            .await?;
        cluster.empty("primary-0")?;
        let locked = cluster.restore(&[&backup]).await?;
        ensure!(
            locked.status.code() != Some(0) && locked.stderr.contains("--identity"),
            "without its key: {locked}"
        );
        let operator = cluster.operator()?;
        let arguments = [&backup, "--identity", &identity, "--kubeconfig", &operator];
        let run = cluster.restore(&arguments).await?.exits(0)?;
        eprintln!("{run}");
        same(&before, &cluster.dump_all("primary-0")?)?;
        ensure!(before.len() > 100, "there was something to compare");
        Ok(())
    })
}

/// A database that its owner's role belongs to, with rows.
pub(super) fn shop(cluster: &TestCluster) -> Result<()> {
    cluster.psql(
        "primary-0",
        "postgres",
        "create role app login password 'geheim'",
    )?;
    cluster.psql("primary-0", "postgres", "create database shop owner app")?;
    cluster.psql(
        "primary-0",
        "shop",
        "create table item as select n, repeat(md5(n::text), 8) as name from generate_series(1, 5000) n",
    )?;
    cluster.psql(
        "primary-0",
        "postgres",
        "alter database shop set work_mem = '7MB'",
    )?;
    Ok(())
}

impl TestCluster {
    /// Nothing of a restore is left but what it was for.
    pub(crate) fn tidy(&self) -> Result<()> {
        let left = self.psql(
            "primary-0",
            "postgres",
            "select coalesce(string_agg(datname, ', '), '') from pg_database where datname like 'pgctl%'",
        )?;
        ensure!(left.is_empty(), "left: {left}");
        Ok(())
    }

    /// The hash of the password of `app`.
    pub(super) fn hash(&self) -> Result<String> {
        let hash = "select rolpassword from pg_authid where rolname = 'app'";
        self.psql("primary-0", "postgres", hash)
    }

    pub(super) fn items(&self, tail: &str, database: &str) -> Result<String> {
        self.psql(tail, database, "select count(*) from item")
    }
}

#[test]
fn what_is_there_is_replaced_only_when_asked_and_comes_back_when_it_goes_wrong() -> Result<()> {
    on_sandbox(1, async |cluster| {
        shop(cluster)?;
        let backup = cluster.back_up(&["--from", "primary"]).await?;
        let restored = cluster.hash()?;
        cluster.psql("primary-0", "shop", "delete from item where n > 10")?;
        let change = "alter role app password 'another'";
        cluster.psql("primary-0", "postgres", change)?;
        let present = cluster.hash()?;

        let refused = cluster.restore(&[&backup]).await?.exits(3)?;
        refused.says("\"shop\"")?;
        ensure!(
            cluster.items("primary-0", "shop")? == "10",
            "nothing was changed"
        );

        // Beside the present one, with its settings.
        let beside = ["--database", "shop", "--as", "shop \"of\" yesterday"];
        let arguments = [[backup.as_str()].as_slice(), &beside].concat();
        cluster.restore(&arguments).await?.exits(0)?;
        ensure!(cluster.items("primary-0", "shop \"of\" yesterday")? == "5000");
        ensure!(cluster.psql("primary-0", "shop \"of\" yesterday", "show work_mem")? == "7MB");
        ensure!(cluster.items("primary-0", "shop")? == "10");

        // A stream that is cut is no success, and leaves nothing.
        cluster
            .fault(&FaultKind::Cut {
                stream: CutStream::Exec,
                // From the server come only the reports: it breaks in the middle of the one that counts.
                after: 120,
                upload: false,
                pod: Some(full("primary-0")),
                count: None,
            })
            .await?;
        let clean = [backup.as_str(), "--clean", "--no-safety-backup"];
        let cut = cluster.restore(&clean).await?.exits(6)?;
        eprintln!("{cut}");
        cluster.mend().await?;
        cluster.tidy()?;
        ensure!(
            cluster.items("primary-0", "shop")? == "10",
            "it is as it was"
        );
        ensure!(cluster.hash()? == present, "so is the password");

        // Replaced while somebody writes to it, after which it is backed up.
        cluster.psql("primary-0", "shop", "create table late (n serial)")?;
        let written = cluster.folder().join("written");
        let mut client = cluster.client("psql", "primary-0")?;
        let mut client = client
            .env("PGDATABASE", "shop")
            .args(["-qAt", "-c"])
            .arg("do $$ begin loop insert into late default values; commit; raise info 'kept'; end loop; end $$")
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(&written)?)
            .spawn()?;
        eventually("the client writes", async || {
            let count: u64 = cluster
                .psql("primary-0", "shop", "select count(*) from late")?
                .parse()?;
            ensure!(count > 0);
            Ok(())
        })
        .await?;
        cluster.restore(&[&backup, "--clean"]).await?.exits(0)?;
        client.wait()?;
        ensure!(cluster.items("primary-0", "shop")? == "5000");
        ensure!(
            cluster.items("replica-0", "shop")? == "5000",
            "the standby has it, too"
        );
        ensure!(
            cluster.hash()? == restored,
            "the password is that of the backup"
        );
        cluster.tidy()?;
        let backups = cluster.list().await?;
        ensure!(backups.len() == 2, "the safety backup: {backups:?}");

        // What was replaced is in the safety backup, to the last row and with its password.
        let written = std::fs::read_to_string(&written)?.matches("kept").count();
        let safety = backups.iter().find(|it| **it != backup);
        let safety = safety.map(String::as_str).unwrap_or_default();
        cluster
            .restore(&[safety, "--clean", "--no-safety-backup"])
            .await?
            .exits(0)?;
        ensure!(cluster.items("primary-0", "shop")? == "10");
        let late: usize = cluster
            .psql("primary-0", "shop", "select count(*) from late")?
            .parse()?;
        ensure!(
            late >= written && written > 0,
            "{written} rows were acknowledged, {late} are there"
        );
        ensure!(cluster.hash()? == present, "the password is that of before");
        ensure!(cluster.psql("primary-0", "shop", "show work_mem")? == "7MB");
        Ok(())
    })
}

#[test]
fn the_first_error_ends_it_and_is_told_with_its_place_in_the_dump() -> Result<()> {
    on_sandbox(1, async |cluster| {
        shop(cluster)?;
        // Dumps can be made that can't be restored: what the check looks at is not found then.
        cluster.psql(
            "primary-0",
            "shop",
            "create function known(int) returns bool language sql as 'select exists (select from item where n = $1)'",
        )?;
        cluster.psql(
            "primary-0",
            "shop",
            "create table sale (n int check (known(n))); insert into sale values (1)",
        )?;
        let backup = cluster.back_up(&["--from", "primary"]).await?;
        let arguments = [&backup, "--database", "shop", "--as", "other"];
        let run = cluster.restore(&arguments).await?.exits(6)?;
        eprintln!("{run}");
        let run = run.says("TOC entry")?.says("sale")?;
        ensure!(!run.stderr.contains("geheim"));
        cluster.tidy()?;

        // An empty database makes room unasked; one that is filled while the plan is read does not.
        cluster.psql("primary-0", "postgres", "create database other")?;
        let store = cluster.backups();
        let mut terminal = cluster.on_a_terminal(&[
            "restore",
            &backup,
            "--as",
            "other",
            "--database",
            "shop",
            "--store",
            &store,
        ])?;
        terminal.shows("Type sandbox to go on").await?;
        cluster.psql("primary-0", "other", "create table mine as select 1 as n")?;
        terminal.types("sandbox").await?;
        let (code, shown) = terminal.ends().await?;
        ensure!(code == Some(3) && shown.contains("hold data"), "{shown}");
        ensure!(cluster.psql("primary-0", "other", "select n from mine")? == "1");
        Ok(())
    })
}

#[test]
fn in_another_language_the_first_error_tells_no_secret_either() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.speaks_german().await?;
        shop(cluster)?;
        // It can be made where `item` is found, which it is not while a dump is loaded.
        for sql in [
            "create function hidden(int, text) returns int language sql immutable as 'select $1 + count(*)::int from item where false'",
            "create table sale (n int); create index told on sale (hidden(n, 'password=geheim-4711'))",
        ] {
            cluster.psql("primary-0", "shop", sql)?;
        }
        let backup = cluster.back_up(&["--from", "primary"]).await?;
        let arguments = [&backup, "--database", "shop", "--as", "other"];
        let run = cluster.restore(&arguments).await?.exits(6)?;
        let run = run.says("(statement: CREATE INDEX told ")?;
        ensure!(!run.stderr.contains("geheim-4711"), "{run}");
        Ok(())
    })
}
