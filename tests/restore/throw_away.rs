//! Throw-away servers: a backup restored beside the cluster, which does not notice.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Node, Pod};
use pgctl_sandbox::store::Selector;

use super::archiving::Archiving;
use super::test_cluster::{Oracle, Run, SandboxCluster, eventually, on_sandbox};

impl SandboxCluster {
    /// Orders that are backed up, others that are archived, and the accident that takes them all; the backup.
    async fn orders_are_lost(&self) -> Result<()> {
        let sql = |sql| self.psql("primary-0", "postgres", sql);
        let archiving = Archiving::start(self)?;
        sql("create table orders (n int primary key)")?;
        sql("insert into orders select generate_series(1, 100)")?;
        self.back_up(&["--physical"]).await?;
        sql("insert into orders select generate_series(101, 120)")?;
        sql("select pg_create_restore_point('before the accident')")?;
        sql("delete from orders")?;
        archiving.store("primary-0").await
    }

    async fn into(&self, name: &str) -> Result<Run> {
        self.restore(&["--to-name", "before the accident", "--into", name])
            .await
    }

    /// What the server of this name answers.
    async fn asked(&self, name: &str, sql: &str) -> Result<String> {
        let pod = format!("restored-{name}");
        let run = self.pgctl(&["query", "--pod", &pod, "--csv", sql]).await?;
        let run = run.exits(0)?;
        let row = run.stdout.lines().nth(1).context("a row")?;
        Ok(row.to_owned())
    }

    /// Name and UID of every pod of the namespace.
    fn every_pod(&self) -> Result<Vec<[String; 2]>> {
        let pods = self
            .store()
            .read_all::<Pod>(Some(self.namespace()), &Selector::everything())?;
        let of = |pod: Pod| {
            let meta = pod.metadata;
            [meta.name.unwrap_or_default(), meta.uid.unwrap_or_default()]
        };
        Ok(pods.items.into_iter().map(of).collect())
    }

    async fn discard(&self, name: &str) -> Result<()> {
        let discard = ["restore", "--discard-into", name, "--yes"];
        self.pgctl(&discard).await?.exits(0).map(drop)
    }
}

#[test]
fn the_orders_of_before_are_looked_at_beside_a_cluster_that_does_not_notice() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.orders_are_lost().await?;
        let oracle = Oracle::start(cluster).await?;
        let (pods, claims) = (cluster.every_pod()?, cluster.claims()?);

        let store = cluster.backups();
        let dry = [
            "restore",
            "--latest",
            "--into",
            "look",
            "--store",
            &store,
            "--dry-run",
        ];
        cluster.pgctl(&dry).await?.exits(0)?.says("restored-look")?;
        ensure!(cluster.claims()? == claims, "a dry run has made something");
        let run = cluster.into("look").await?.exits(0)?;
        eprintln!("{run}");
        run.says("pgctl psql restored-look")?
            .says("pgctl restore --discard-into look")?;
        let count = "select count(*) from orders";
        ensure!(
            cluster.asked("look", count).await? == "120",
            "not all are there"
        );
        ensure!(cluster.psql("primary-0", "postgres", count)? == "0");

        cluster.sees_throw_away("look").await?;

        // The table comes back beside the empty one.
        let copy = [
            "restore",
            "--table",
            "orders",
            "--into",
            "look",
            "--as",
            "orders_before",
            "--yes",
        ];
        let run = cluster.pgctl(&copy).await?.exits(0)?;
        run.says("120 rows copied")?.says("drop table")?;
        let before = "select count(*) || ' ' || min(n) || ' ' || max(n) from orders_before";
        ensure!(cluster.psql("primary-0", "postgres", before)? == "120 1 120");
        cluster
            .pgctl(&copy)
            .await?
            .exits(3)?
            .says("is there already")?;
        let typo = [
            "restore", "--table", "order", "--into", "look", "--as", "x", "--yes",
        ];
        cluster
            .pgctl(&typo)
            .await?
            .exits(2)?
            .says("has no table public.order")?;

        // It reaches nobody, and only who comes through a port-forward reaches it.
        let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in \
            ('archive_mode', 'max_logical_replication_workers', 'synchronous_standby_names', 'primary_conninfo')";
        let settings = cluster.asked("look", settings).await?;
        ensure!(
            settings
                == "archive_mode=off max_logical_replication_workers=0 primary_conninfo= synchronous_standby_names=",
            "{settings}"
        );
        let rules = "select string_agg(distinct coalesce(address, type), ' ' order by coalesce(address, type)) from pg_hba_file_rules";
        let rules = cluster.asked("look", rules).await?;
        ensure!(rules == "127.0.0.1 ::1 local", "{rules}");
        let shown = cluster
            .pgctl(&["psql", "restored-look", "--", "-Atc", count])
            .await?
            .exits(0)?;
        ensure!(shown.stdout.trim() == "120", "{shown}");

        // For the cluster it is not there.
        let status = cluster
            .pgctl(&["status", "-o", "json"])
            .await?
            .exits(0)?
            .json()?;
        let instances = status["instances"].as_array().context("instances")?;
        ensure!(instances.len() == 2, "{instances:?}");
        let now = cluster.every_pod()?;
        ensure!(pods.iter().all(|it| now.contains(it)), "{pods:?}; {now:?}");
        ensure!(now.len() == pods.len() + 1, "{now:?}");
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");

        // A second one of the name is refused; one whose server was killed comes back.
        cluster
            .into("look")
            .await?
            .exits(3)?
            .says("already")?
            .says("pgctl restore --discard-into look")?;
        let victim = "select pg_postmaster_start_time()::text";
        let before = cluster.asked("look", victim).await?;
        let kill = "kill -QUIT \"$(head -n 1 \"$PGDATA/postmaster.pid\")\"";
        cluster
            .pgctl(&["shell", "restored-look", "--", "sh", "-c", kill])
            .await?;
        eventually("it has come back", async || {
            let now = cluster.asked("look", victim).await?;
            ensure!(now != before, "it is still the same server");
            Ok(())
        })
        .await?;
        ensure!(
            cluster.asked("look", count).await? == "120",
            "not all are there"
        );

        let wrong = ["restore", "--discard-into", "lok", "--yes"];
        cluster
            .pgctl(&wrong)
            .await?
            .exits(2)?
            .says("pgctl restore --discard-into look")?;
        cluster
            .pgctl(&["psql", "restored-lok"])
            .await?
            .exits(2)?
            .says("pgctl psql restored-look")?;
        cluster
            .pgctl(&["history"])
            .await?
            .exits(0)?
            .says("into the throw-away server look")?;
        for option in [
            &["--store", &store][..],
            &["--timeline", "1"],
            &["--allow-drift"],
        ] {
            let in_vain = ["restore", "--discard-into", "look", "--yes"];
            let in_vain = [&in_vain[..], option].concat();
            let run = cluster.pgctl(&in_vain).await?.exits(2)?;
            run.says(&format!("the same without {}", option[0]))?;
        }
        cluster.discard("look").await?;
        ensure!(cluster.claims()? == claims, "{:?}", cluster.claims()?);
        ensure!(cluster.every_pod()?.len() == pods.len());
        cluster.sees_no_throw_away().await
    })
}

/// Somebody has cordoned every node: whoever waits for the server hears why, and it comes when they are back.
#[test]
fn why_its_pod_does_not_run_is_said_while_it_is_waited_for() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.orders_are_lost().await?;
        let nodes = cluster
            .store()
            .read_all::<Node>(None, &Selector::everything())?;
        let cordon = |cordoned: bool| -> Result<()> {
            for node in &nodes.items {
                let name = node.metadata.name.as_deref().context("a name")?;
                cluster.store().modify("", name, |node: &mut Node| {
                    node.spec.get_or_insert_default().unschedulable = cordoned.then_some(true);
                })?;
            }
            Ok(())
        };
        let store = cluster.backups();
        let line = [
            "restore", "--latest", "--into", "look", "--store", &store, "--yes",
        ];
        cordon(true)?;
        let mut running = cluster.begin(&line)?;
        running
            .says("restored-look does not run: no node takes it: ")
            .await?;
        // The same is seen by who looks from elsewhere.
        let status = cluster.pgctl(&["status", "-o", "json"]).await?.exits(0)?;
        status
            .says("it is being made: ")?
            .says("no node takes it: ")?;
        cordon(false)?;
        running.ends_well().await?;
        let count = cluster.asked("look", "select count(*) from orders").await?;
        ensure!(count == "0", "{count} orders after the accident");
        cluster.discard("look").await
    })
}

#[cfg(feature = "failpoints")]
#[test]
fn a_kill_at_any_step_is_finished_or_leaves_nothing() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.orders_are_lost().await?;
        let claims = cluster.claims()?;
        let store = cluster.backups();
        let steps = [
            "make-volume",
            "open-volume",
            "unpack",
            "fetch-wal",
            "recover",
            "keep-old",
            "start-server",
        ];
        let moments = ["before", "middle", "after"];
        for (at, step) in steps.iter().enumerate() {
            let kill = format!("{step}.{}=return(kill)", moments[at % moments.len()]);
            let line = [
                "restore",
                "--to-name",
                "before the accident",
                "--into",
                "look",
                "--store",
                &store,
                "--yes",
            ];
            let run = cluster.pgctl_with(&line, &[("FAILPOINTS", &kill)]).await?;
            run.was_killed()?;
            // Nothing of the cluster waits for it.
            cluster.pgctl(&["status"]).await?.exits(0)?;
            cluster.sees_unfinished_throw_away("look").await?;
            cluster
                .pgctl(&["history"])
                .await?
                .exits(0)?
                .says("--into look --resume")?;
            cluster
                .into("other")
                .await?
                .exits(3)?
                .says("--into look --resume")?;
            let discard = ["restore", "--discard-into", "look", "--yes"];
            let unfinished = cluster.pgctl(&discard).await?;
            ensure!(
                matches!(unfinished.status.code(), Some(2 | 3)),
                "an unfinished one was deleted: {unfinished}"
            );
            if at % 2 == 0 {
                let abort = ["restore", "--into", "look", "--abort"];
                cluster.pgctl(&abort).await?.exits(6)?;
            } else {
                let resume = ["restore", "--into", "look", "--resume"];
                cluster.pgctl(&resume).await?.exits(0)?;
                let count = cluster.asked("look", "select count(*) from orders").await?;
                ensure!(count == "120", "{step}: {count}");
                cluster.discard("look").await?;
            }
            let now = cluster.claims()?;
            ensure!(now == claims, "{step}: {now:?}");
        }
        cluster.sees_no_throw_away().await
    })
}

/// Somebody makes a pod of that very name in the middle: it is not taken for ours, and not deleted.
#[cfg(feature = "failpoints")]
#[test]
fn a_pod_of_the_same_name_stays() -> Result<()> {
    on_sandbox(1, async |cluster| {
        cluster.orders_are_lost().await?;
        let claims = cluster.claims()?;
        let store = cluster.backups();
        let line = [
            "restore", "--latest", "--into", "look", "--store", &store, "--yes",
        ];
        let name = format!("{}-restored-look", cluster.name()?);
        let made = async || {
            let pod: Pod = serde_json::from_value(serde_json::json!({
                "metadata": {"name": name, "namespace": cluster.namespace()},
                "spec": {"containers": [{"name": "other", "image": "busybox", "command": ["sleep", "3600"]}]},
            }))?;
            cluster.store().add(&pod)?;
            Ok(())
        };
        let (run, ()) = cluster
            .pgctl_meanwhile(&line, "open-volume.before", made)
            .await?;
        run.exits(6)?.says("another has made")?;
        let pods = cluster.every_pod()?;
        ensure!(pods.iter().any(|it| it[0] == name), "{pods:?}");
        let now = cluster.claims()?;
        ensure!(now == claims, "{now:?}");
        Ok(())
    })
}
