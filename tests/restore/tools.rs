//! SQL and PostgreSQL's own tools on a pod, past `pgctl`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use tokio::runtime::Runtime;

use super::test_cluster::{Database, OPERATOR, SandboxCluster, TestCluster, VIEWER};

/// Lines of `pg_dumpall` that are random each time.
const RANDOM: [&[u8]; 2] = [b"\\restrict ", b"\\unrestrict "];

impl SandboxCluster {
    /// A client tool that connects to a pod as the superuser.
    pub(crate) fn client(&self, tool: &str, tail: &str) -> Result<Command> {
        // Debian has some of them beside the server only.
        let folder = pgctl_sandbox::runtime::postgres_programs().unwrap_or_default();
        let mut command = Command::new(folder.join(tool));
        command
            .env("PGHOST", self.address(tail)?)
            .env("PGPORT", "5432")
            .env("PGUSER", self.login.user())
            .env("PGPASSWORD", self.login.password())
            .env("PGDATABASE", "postgres");
        Ok(command)
    }

    /// `pg_dumpall` of a pod, line by line, without what is random.
    pub(crate) fn dump_all(&self, tail: &str) -> Result<Vec<Vec<u8>>> {
        let output = self.client("pg_dumpall", tail)?.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "pg_dumpall: {said}");
        let lines = output.stdout.split(|byte| *byte == b'\n');
        Ok(lines
            .filter(|line| !RANDOM.iter().any(|word| line.starts_with(word)))
            .map(<[u8]>::to_vec)
            .collect())
    }

    /// The kubeconfig of somebody who has the shipped Roles of an operator, and no more.
    pub(crate) fn operator(&self) -> Result<String> {
        self.grant(VIEWER, "olga")?;
        self.grant(OPERATOR, "olga")?;
        self.kubeconfig_of("olga")
    }
}

impl TestCluster {
    /// Runs SQL on a pod, in a database; the answer as `psql -At` prints it.
    pub(crate) fn psql(&self, tail: &str, database: &str, sql: &str) -> Result<String> {
        let address = self.address(tail)?;
        let asked = Database::ask(&address, &self.login, database, sql);
        let rows = std::thread::scope(|scope| {
            // A runtime of its own: this is called from within another.
            let thread = scope.spawn(|| Runtime::new()?.block_on(asked));
            thread.join().expect("it does not panic")
        })?;
        let lines: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
        Ok(lines.join("\n").trim().to_owned())
    }

    /// Drops every database and every role that initdb has not made.
    pub(crate) fn empty(&self, tail: &str) -> Result<()> {
        // The one thing that the difficult data has in it.
        self.psql(tail, "template1", "drop table if exists inherited")?;
        let databases = self.psql(
            tail,
            "postgres",
            "select coalesce(json_agg(datname), '[]') from pg_database where oid >= 16384",
        )?;
        let databases: Vec<String> = serde_json::from_str(&databases)?;
        for name in databases {
            let sql = format!(
                "drop database \"{}\" with (force)",
                name.replace('"', "\"\"")
            );
            self.psql(tail, "template1", &sql)?;
        }
        // postgres as a new cluster has it.
        self.psql(tail, "template1", "drop database postgres with (force)")?;
        self.psql(
            tail,
            "template1",
            "create database postgres template template0",
        )?;
        self.psql(
            tail,
            "template1",
            "comment on database postgres is 'default administrative connection database'",
        )?;
        let roles = self.psql(
            tail,
            "postgres",
            "select coalesce(json_agg(rolname), '[]') from pg_roles where oid >= 16384 and rolname <> 'replicator'",
        )?;
        let roles: Vec<String> = serde_json::from_str(&roles).context("names of roles")?;
        for name in roles {
            let name = name.replace('"', "\"\"");
            self.psql(tail, "postgres", &format!("drop role \"{name}\""))?;
        }
        Ok(())
    }

    /// The folder of a store of this test's own.
    pub(crate) fn backups(&self) -> String {
        let folder = self.folder().join("backups");
        folder.to_string_lossy().into_owned()
    }

    /// Takes a backup and gives its name.
    pub(crate) async fn back_up(&self, more: &[&str]) -> Result<String> {
        let store = self.backups();
        let mut arguments = vec!["backup", "--store", &store, "-o", "json"];
        arguments.extend(more);
        let document = self.pgctl(&arguments).await?.exits(0)?.json()?;
        let id = document["id"]
            .as_str()
            .or(document["backup"]["id"].as_str());
        Ok(id
            .with_context(|| format!("no name in {document}"))?
            .to_owned())
    }

    /// The names of the backups in the store.
    pub(crate) async fn list(&self) -> Result<Vec<String>> {
        let store = self.backups();
        let arguments = ["backup", "list", "--store", &store, "-o", "json"];
        let document = self.pgctl(&arguments).await?.exits(0)?.json()?;
        let backups = document["backups"].as_array().context("a list")?;
        Ok(backups
            .iter()
            .filter_map(|it| it["id"].as_str().map(str::to_owned))
            .collect())
    }
}

/// The first line in which two dumps differ.
pub(crate) fn same(before: &[Vec<u8>], after: &[Vec<u8>]) -> Result<()> {
    let shown = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let differs = before
        .iter()
        .zip(after)
        .enumerate()
        .find(|(_, (a, b))| a != b)
        .map(|(at, (a, b))| format!("line {}: {:?} became {:?}", at + 1, shown(a), shown(b)));
    ensure!(
        before == after,
        "{} and {} lines; {differs:?}",
        before.len(),
        after.len()
    );
    Ok(())
}
