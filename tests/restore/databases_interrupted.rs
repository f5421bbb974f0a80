//! `pgctl` dies in the middle of a logical restore, and it is finished or put back.

use age::secrecy::ExposeSecret as _;
use anyhow::{Result, ensure};

use super::databases::shop;
use super::test_cluster::{TestCluster, on_sandbox};

/// Where it dies, how it is gone on with, with which exit code, and how many rows are there then.
const CELLS: [(&str, &str, i32, &str); 7] = [
    ("load-databases.middle", "--abort", 6, "0"),
    ("swap-databases.middle", "--abort", 6, "0"),
    ("safety-backup.middle", "--abort", 6, "0"),
    ("load-databases.before", "--resume", 0, "5000"),
    ("swap-databases.middle", "--resume", 0, "5000"),
    ("change-roles.middle", "--resume", 0, "5000"),
    ("drop-replaced.before", "--resume", 0, "5000"),
];

struct Patient<'a> {
    cluster: &'a TestCluster,
    backup: String,
    key: String,
    /// The hash of the password in the backup.
    restored: String,
}

impl<'a> Patient<'a> {
    async fn new(cluster: &'a TestCluster) -> Result<Self> {
        shop(cluster)?;
        let key = age::x25519::Identity::generate();
        let recipient = key.to_public().to_string();
        Ok(Self {
            cluster,
            backup: cluster
                .back_up(&["--from", "primary", "--encrypt", &recipient])
                .await?,
            key: key_file(cluster, "key.txt", &key)?,
            restored: cluster.hash()?,
        })
    }

    /// An empty table and another password; the hash of that.
    fn spoil(&self) -> Result<String> {
        self.cluster.psql("primary-0", "shop", "delete from item")?;
        let change = "alter role app password 'another'";
        self.cluster.psql("primary-0", "postgres", change)?;
        self.cluster.hash()
    }

    /// Replaces it, and something happens at a failpoint.
    async fn struck(&self, point: &str) -> Result<super::test_cluster::Run> {
        let store = self.cluster.backups();
        let arguments = [
            "restore",
            &self.backup,
            "--clean",
            "--yes",
            "--store",
            &store,
        ];
        let arguments = [arguments.as_slice(), &["--identity", &self.key]].concat();
        self.cluster
            .pgctl_with(&arguments, &[("FAILPOINTS", point)])
            .await
    }

    fn is(&self, items: &str, hash: &str) -> Result<()> {
        let found = self.cluster.items("primary-0", "shop")?;
        ensure!(found == items, "{found} items instead of {items}");
        ensure!(self.cluster.hash()? == hash, "it is another password");
        self.cluster.tidy()
    }
}

fn key_file(cluster: &TestCluster, name: &str, key: &age::x25519::Identity) -> Result<String> {
    let file = cluster.folder().join(name);
    std::fs::write(&file, key.to_string().expose_secret())?;
    Ok(file.to_string_lossy().into_owned())
}

#[test]
fn a_logical_restore_that_dies_is_finished_or_put_back_passwords_too() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let patient = Patient::new(cluster).await?;
        for (point, way, code, items) in CELLS {
            let present = patient.spoil()?;
            let kill = format!("{point}=return(kill)");
            patient.struck(&kill).await?.was_killed()?;
            let mut arguments = vec!["restore", way];
            // What goes back needs no key, and somebody's word when clients may use it already.
            if way == "--resume" {
                arguments.extend(["--identity", &patient.key]);
            } else if !point.starts_with("load") {
                let asked = cluster.pgctl(&arguments).await?.exits(3)?;
                asked.says("clients have written")?;
                arguments.push("--yes");
            }
            cluster.pgctl(&arguments).await?.exits(code)?;
            let hash = if code == 0 {
                &patient.restored
            } else {
                &present
            };
            patient
                .is(items, hash)
                .map_err(|error| error.context(format!("{point} {way}")))?;
        }
        Ok(())
    })
}

#[test]
fn what_can_not_go_on_is_refused_and_what_clients_use_is_not_taken_away() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let patient = Patient::new(cluster).await?;
        let present = patient.spoil()?;
        patient
            .struck("load-databases.middle=return(kill)")
            .await?
            .was_killed()?;
        // Without a key that fits nothing is undone: it says so, and with it goes on.
        let locked = cluster.pgctl(&["restore", "--resume"]).await?.exits(2)?;
        locked.says("--identity FILE")?;
        let other = key_file(cluster, "other.txt", &age::x25519::Identity::generate())?;
        cluster
            .pgctl(&["restore", "--resume", "--identity", &other])
            .await?
            .exits(3)?;
        ensure!(cluster.items("primary-0", "shop")? == "0");
        // The safety backup fails: clients use what was restored, and nothing goes back by itself.
        let arguments = ["restore", "--resume", "--identity", &patient.key];
        let failing = [("FAILPOINTS", "safety-backup.before=return(fail)")];
        let stopped = cluster.pgctl_with(&arguments, &failing).await?.exits(5)?;
        stopped.says("--abort")?;
        ensure!(cluster.items("primary-0", "shop")? == "5000");
        ensure!(cluster.hash()? == present, "passwords come last");
        cluster.pgctl(&arguments).await?.exits(0)?;
        patient.is("5000", &patient.restored)?;
        // Nor is what somebody has put into a database that was empty.
        cluster.psql("primary-0", "postgres", "create database other")?;
        let store = cluster.backups();
        let beside = [
            "restore",
            &patient.backup,
            "--database",
            "shop",
            "--as",
            "other",
            "--yes",
            "--store",
            &store,
            "--identity",
            &patient.key,
        ];
        let killed = [("FAILPOINTS", "swap-databases.before=return(kill)")];
        cluster.pgctl_with(&beside, &killed).await?.was_killed()?;
        cluster.psql("primary-0", "other", "create table mine as select 1 as n")?;
        cluster.pgctl(&arguments).await?.exits(6)?.says("other")?;
        ensure!(cluster.psql("primary-0", "other", "select n from mine")? == "1");
        cluster.tidy()
    })
}
