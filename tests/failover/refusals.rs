//! What is refused changes nothing.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use pgctl_sandbox::store::of;
use serde_json::Value;

use super::test_cluster::{Oracle, TestCluster, full, on_cluster, tail_of};

/// All that an operation could have changed, in Kubernetes and in the databases.
type Picture = BTreeMap<String, String>;

impl TestCluster {
    async fn picture(&self) -> Result<Picture> {
        let mut picture = Picture::new();
        // Pods and the autoscaler have a status that changes by itself.
        let whole = [
            of::<ConfigMap>(),
            of::<Service>(),
            of::<StatefulSet>(),
            of::<PersistentVolumeClaim>(),
            of::<Lease>(),
        ];
        let but_for_status = [of::<Pod>(), of::<HorizontalPodAutoscaler>()];
        let all = whole.map(|kind| (kind, true));
        for (kind, whole) in all
            .into_iter()
            .chain(but_for_status.map(|kind| (kind, false)))
        {
            for object in self.store().list(kind, Some(self.namespace()))? {
                let text = if whole {
                    object["metadata"]["resourceVersion"].to_string()
                } else {
                    let mut metadata = object["metadata"].clone();
                    if let Value::Object(fields) = &mut metadata {
                        fields.remove("resourceVersion");
                        fields.remove("managedFields");
                    }
                    format!("{metadata} {}", object["spec"])
                };
                picture.insert(
                    format!("{} {}", kind.plural, object["metadata"]["name"]),
                    text,
                );
            }
        }
        // Of a standby no timeline: the one in its control file moves with its restartpoints.
        const OWN: &str = "SELECT pg_is_in_recovery(), current_setting('primary_conninfo'), \
            current_setting('primary_slot_name'), \
            (SELECT string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_replication_slots), \
            CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";
        for pod in self.pods()? {
            let tail = tail_of(&pod);
            let rows = self.sql(&tail, OWN).await;
            let rows = rows.with_context(|| format!("{tail}, whose status is {:?}", pod.status))?;
            picture.insert(format!("database {tail}"), format!("{rows:?}"));
        }
        Ok(picture)
    }

    /// Puts another password of the superuser into the Secret, and gives the former one.
    fn set_password(&self, password: ByteString) -> Result<ByteString> {
        let mut former = ByteString::default();
        let (name, key) = (full("secret"), "postgres-password".to_owned());
        self.store()
            .modify::<Secret>(self.namespace(), &name, |secret| {
                let data = secret.data.get_or_insert_default();
                former = data
                    .insert(key.clone(), password.clone())
                    .unwrap_or_default();
            })?;
        Ok(former)
    }

    /// Without `--to` a person is asked which of those that can is to become primary.
    async fn which_one(&self) -> Result<()> {
        let mut terminal = self.on_a_terminal(&["failover"])?;
        terminal.shows("Which one is to become primary?").await?;
        let none_chosen = self.picture().await?;
        terminal.types("q").await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(3) && screen.contains("no pod was chosen"),
            "{code:?}: {screen}"
        );
        ensure!(self.picture().await? == none_chosen, "it changed something");
        let confirmation = format!("Type {} to go on", self.name()?);
        let mut terminal = self.on_a_terminal(&["failover"])?;
        terminal.shows("Which one is to become primary?").await?;
        // One down from the best.
        terminal.types("\u{1b}[B").await?;
        terminal.shows(&confirmation).await?;
        terminal.types("no").await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(3) && screen.contains(&format!("promote {}", full("replica-1"))),
            "{code:?}: {screen}"
        );
        Ok(())
    }

    /// The command is refused, says why, and nothing is different afterwards.
    pub(crate) async fn refuses(&self, arguments: &[&str], why: &str) -> Result<()> {
        let before = self.picture().await?;
        self.pgctl(arguments).await?.exits(3)?.says(why)?;
        let after = self.picture().await?;
        let changed: Vec<_> = after
            .iter()
            .filter(|(name, text)| before.get(*name) != Some(text))
            .map(|(name, text)| format!("{name}: {:?} -> {text}", before.get(name)))
            .collect();
        ensure!(
            before.len() == after.len() && changed.is_empty(),
            "pgctl {} was refused, and changed: {}",
            arguments.join(" "),
            changed.join("\n")
        );
        Ok(())
    }
}

#[test]
fn bad_input_is_refused_and_changes_nothing() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let refused: [(&[&str], &str); 10] = [
            (&["failover", "--to", "replica-9", "--yes"], "replica-9"),
            (&["failover", "--to", "0", "--yes"], &full("replica-0")),
            (
                &["failover", "--to", "primary-0", "--yes"],
                "is the primary already",
            ),
            (&["failover", "--to", "replica-0"], "--yes"),
            (&["failover", "--resume"], "nothing to resume"),
            (&["failover", "--abort"], "nothing to abort"),
            (&["rejoin", "--resume"], "nothing to resume"),
            (&["rejoin", "nobody", "--yes"], "nobody"),
            (&["rejoin", "primary-0", "--yes"], "primary-0"),
            (&["reinit", "primary-0", "--yes"], "primary-0"),
        ];
        for (arguments, why) in refused {
            cluster.refuses(arguments, why).await?;
        }
        cluster
            .sql("replica-0", "SELECT pg_wal_replay_pause()")
            .await?;
        cluster
            .refuses(&["failover", "--to", "replica-0", "--yes"], "is paused")
            .await?;
        cluster
            .sql("replica-0", "SELECT pg_wal_replay_resume()")
            .await?;
        // A primary that answers "wrong password" is alive.
        let right = cluster.set_password(ByteString(b"wrong".to_vec()))?;
        let refused = cluster
            .refuses(&["failover", "--yes"], "does not let pgctl in")
            .await;
        cluster.set_password(right)?;
        refused?;
        oracle.content(cluster).await?;
        cluster.which_one().await
    })
}

#[test]
fn with_nothing_to_fail_over_to_it_is_refused() -> Result<()> {
    on_cluster(0, async |cluster| {
        cluster
            .refuses(&["failover", "--yes"], "no standby to fail over to")
            .await
    })
}

/// `--dry-run` shows the plan and changes nothing.
#[test]
fn a_dry_run_changes_nothing() -> Result<()> {
    on_cluster(1, async |cluster| {
        let before = cluster.picture().await?;
        let run = cluster
            .pgctl(&["failover", "--to", "replica-0", "--dry-run"])
            .await?;
        run.exits(0)?.says("from here only forward")?;
        ensure!(
            cluster.picture().await? == before,
            "the dry run changed something"
        );
        Ok(())
    })
}

/// What was agreed to is only run while it is still what would be planned.
#[test]
fn a_cluster_that_changes_while_the_operator_reads_is_left_alone() -> Result<()> {
    on_cluster(1, async |cluster| {
        let name = cluster.name()?;
        let confirmation = format!("Type {name} to go on");
        let mut terminal = cluster.on_a_terminal(&["failover", "--to", "replica-0"])?;
        terminal.shows(&confirmation).await?;
        cluster
            .sql("replica-0", "SELECT pg_wal_replay_pause()")
            .await?;
        let before = cluster.picture().await?;
        terminal.types(&name).await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(3) && screen.contains("is paused"),
            "{code:?}: {screen}"
        );
        ensure!(cluster.picture().await? == before, "it changed something");

        cluster
            .sql("replica-0", "SELECT pg_wal_replay_resume()")
            .await?;
        let mut terminal = cluster.on_a_terminal(&["failover", "--to", "replica-0"])?;
        terminal.shows(&confirmation).await?;
        terminal.types("").await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(3) && screen.contains("not confirmed; nothing was changed"),
            "Enter agrees to nothing; {code:?}: {screen}"
        );

        let mut terminal = cluster.on_a_terminal(&["failover", "--to", "replica-0"])?;
        terminal.shows(&confirmation).await?;
        terminal.types(&name).await?;
        let (code, screen) = terminal.ends().await?;
        ensure!(
            code == Some(0) && screen.contains("0 bytes, proven"),
            "{code:?}: {screen}"
        );
        Ok(())
    })
}
