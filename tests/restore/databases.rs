//! Logical restores.

use age::secrecy::ExposeSecret as _;
use anyhow::{Result, ensure};
use pgctl_sandbox::cli::{CutStream, FaultKind};

use super::awkward;
use super::lab::{Lab, eventually, full, on_sandbox};
use super::tools::same;

impl Lab {
    pub(super) async fn restore(&self, more: &[&str]) -> Result<super::lab::Run> {
        let store = self.backups();
        let mut arguments = vec!["restore", "--store", &store, "--yes"];
        arguments.extend(more);
        self.pgctl(&arguments).await
    }
}

/// Encrypted, and with no more rights than the shipped Role gives.
#[test]
fn a_dump_restored_into_an_empty_cluster_is_the_same_byte_for_byte() -> Result<()> {
    on_sandbox(1, async |lab| {
        awkward::load(lab.client("psql", "primary-0")?);
        let before = lab.dump_all("primary-0")?;
        let key = age::x25519::Identity::generate();
        let identity = lab.sandbox.folder().join("key.txt");
        std::fs::write(&identity, key.to_string().expose_secret())?;
        let identity = identity.to_string_lossy().into_owned();
        let recipient = key.to_public().to_string();
        // A standby is ahead of its primary in what a sequence may hand out next.
        let backup = lab
            .back_up(&["--from", "primary", "--encrypt", &recipient])
            .await?;
        lab.empty("primary-0")?;
        let locked = lab.restore(&[&backup]).await?;
        ensure!(
            locked.status.code() != Some(0) && locked.stderr.contains("--identity"),
            "without its key: {locked}"
        );
        let operator = lab.operator()?;
        let arguments = [&backup, "--identity", &identity, "--kubeconfig", &operator];
        let run = lab.restore(&arguments).await?.exits(0)?;
        eprintln!("{run}");
        same(&before, &lab.dump_all("primary-0")?)?;
        ensure!(before.len() > 100, "there was something to compare");
        Ok(())
    })
}

/// A database that its owner's role belongs to, with rows.
pub(super) fn shop(lab: &Lab) -> Result<()> {
    lab.psql(
        "primary-0",
        "postgres",
        "create role app login password 'geheim'",
    )?;
    lab.psql("primary-0", "postgres", "create database shop owner app")?;
    lab.psql(
        "primary-0",
        "shop",
        "create table item as select n, repeat(md5(n::text), 8) as name from generate_series(1, 5000) n",
    )?;
    lab.psql(
        "primary-0",
        "postgres",
        "alter database shop set work_mem = '7MB'",
    )?;
    Ok(())
}

impl Lab {
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
    on_sandbox(1, async |lab| {
        shop(lab)?;
        let backup = lab.back_up(&["--from", "primary"]).await?;
        let restored = lab.hash()?;
        lab.psql("primary-0", "shop", "delete from item where n > 10")?;
        let change = "alter role app password 'another'";
        lab.psql("primary-0", "postgres", change)?;
        let present = lab.hash()?;

        let refused = lab.restore(&[&backup]).await?.exits(3)?;
        refused.says("\"shop\"")?;
        ensure!(
            lab.items("primary-0", "shop")? == "10",
            "nothing was changed"
        );

        // Beside the present one, with its settings.
        let beside = ["--database", "shop", "--as", "shop \"of\" yesterday"];
        let arguments = [[backup.as_str()].as_slice(), &beside].concat();
        lab.restore(&arguments).await?.exits(0)?;
        ensure!(lab.items("primary-0", "shop \"of\" yesterday")? == "5000");
        ensure!(lab.psql("primary-0", "shop \"of\" yesterday", "show work_mem")? == "7MB");
        ensure!(lab.items("primary-0", "shop")? == "10");

        // A stream that is cut is no success, and leaves nothing.
        lab.fault(&FaultKind::Cut {
            stream: CutStream::Exec,
            // From the server come only the reports: it breaks in the middle of the one that counts.
            after: 120,
            upload: false,
            pod: Some(full("primary-0")),
            count: None,
        })
        .await?;
        let clean = [backup.as_str(), "--clean", "--no-safety-backup"];
        let cut = lab.restore(&clean).await?.exits(6)?;
        eprintln!("{cut}");
        lab.mend().await?;
        lab.tidy()?;
        ensure!(lab.items("primary-0", "shop")? == "10", "it is as it was");
        ensure!(lab.hash()? == present, "so is the password");

        // Replaced while somebody writes to it, after which it is backed up.
        lab.psql("primary-0", "shop", "create table late (n serial)")?;
        let written = lab.sandbox.folder().join("written");
        let mut client = lab.client("psql", "primary-0")?;
        let mut client = client
            .env("PGDATABASE", "shop")
            .args(["-qAt", "-c"])
            .arg("do $$ begin loop insert into late default values; commit; raise info 'kept'; end loop; end $$")
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(&written)?)
            .spawn()?;
        eventually("the client writes", async || {
            let count: u64 = lab
                .psql("primary-0", "shop", "select count(*) from late")?
                .parse()?;
            ensure!(count > 0);
            Ok(())
        })
        .await?;
        lab.restore(&[&backup, "--clean"]).await?.exits(0)?;
        client.wait()?;
        ensure!(lab.items("primary-0", "shop")? == "5000");
        ensure!(
            lab.items("replica-0", "shop")? == "5000",
            "the standby has it, too"
        );
        ensure!(
            lab.hash()? == restored,
            "the password is that of the backup"
        );
        lab.tidy()?;
        let backups = lab.list().await?;
        ensure!(backups.len() == 2, "the safety backup: {backups:?}");

        // What was replaced is in the safety backup, to the last row and with its password.
        let written = std::fs::read_to_string(&written)?.matches("kept").count();
        let safety = backups.iter().find(|it| **it != backup);
        let safety = safety.map(String::as_str).unwrap_or_default();
        lab.restore(&[safety, "--clean", "--no-safety-backup"])
            .await?
            .exits(0)?;
        ensure!(lab.items("primary-0", "shop")? == "10");
        let late: usize = lab
            .psql("primary-0", "shop", "select count(*) from late")?
            .parse()?;
        ensure!(
            late >= written && written > 0,
            "{written} rows were acknowledged, {late} are there"
        );
        ensure!(lab.hash()? == present, "the password is that of before");
        ensure!(lab.psql("primary-0", "shop", "show work_mem")? == "7MB");
        Ok(())
    })
}

#[test]
fn the_first_error_ends_it_and_is_told_with_its_place_in_the_dump() -> Result<()> {
    on_sandbox(1, async |lab| {
        shop(lab)?;
        // Dumps can be made that can't be restored: what the check looks at is not found then.
        lab.psql(
            "primary-0",
            "shop",
            "create function known(int) returns bool language sql as 'select exists (select from item where n = $1)'",
        )?;
        lab.psql(
            "primary-0",
            "shop",
            "create table sale (n int check (known(n))); insert into sale values (1)",
        )?;
        let backup = lab.back_up(&["--from", "primary"]).await?;
        let arguments = [&backup, "--database", "shop", "--as", "other"];
        let run = lab.restore(&arguments).await?.exits(6)?;
        eprintln!("{run}");
        let run = run.says("TOC entry")?.says("sale")?;
        ensure!(!run.stderr.contains("geheim"));
        lab.tidy()?;

        // An empty database makes room unasked; one that is filled while the plan is read does not.
        lab.psql("primary-0", "postgres", "create database other")?;
        let store = lab.backups();
        let mut terminal = lab.on_a_terminal(&[
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
        lab.psql("primary-0", "other", "create table mine as select 1 as n")?;
        terminal.types("sandbox").await?;
        let (code, shown) = terminal.ends().await?;
        ensure!(code == Some(3) && shown.contains("hold data"), "{shown}");
        ensure!(lab.psql("primary-0", "other", "select n from mine")? == "1");
        Ok(())
    })
}
