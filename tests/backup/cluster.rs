//! `pgctl backup` end to end, on a cluster that breaks while it runs.

use anyhow::{Context as _, Result, ensure};
use pgctl_sandbox::api::{Effect, Fault};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::copy_command::into_two_places;
use crate::fixture::{Fixture, signal};
use crate::needs::{Need, does_without};
use crate::test_cluster::{OPERATOR, SandboxCluster, VIEWER, on_cluster, on_sandbox};

const PHYSICAL: &[&str] = &["--physical"];
const KINDS: [&[&str]; 2] = [&[], PHYSICAL];

#[test]
fn backups_of_a_cluster_are_whole_or_not_there() -> Result<()> {
    on_cluster(2, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        taken_listed_verified_and_pruned(&fixture).await?;
        into_two_places(&fixture).await?;
        interrupted_and_killed(&fixture).await?;
        a_dump_that_fails_in_the_middle(&fixture).await?;
        refusals(&fixture).await?;
        full_disk(&fixture).await?;
        full_and_forbidden_buckets(&fixture).await?;
        // Last: the pod has to come up again.
        a_pod_that_is_killed(&fixture).await
    })
}

#[test]
fn backups_whose_streams_are_cut_are_not_there() -> Result<()> {
    on_sandbox(2, async |sandbox| {
        let fixture = Fixture::new(sandbox).await?;
        as_the_cron_job(&fixture, sandbox).await?;
        no_password_is_in_any_command_line(&fixture).await?;
        let mut random = StdRng::seed_from_u64(20_261_125);
        cuts(&fixture, sandbox, &mut random, 1, "exec").await?;
        cuts(&fixture, sandbox, &mut random, 1, "port-forward").await
    })
}

#[test]
#[ignore = "800 backups, half an hour: run it by hand after a change to how backups are received"]
fn a_hundred_cuts_of_every_kind_of_backup_are_a_hundred_failures() -> Result<()> {
    on_sandbox(2, async |sandbox| {
        let fixture = Fixture::new(sandbox).await?;
        let mut random = StdRng::from_os_rng();
        cuts(&fixture, sandbox, &mut random, 50, "exec").await?;
        cuts(&fixture, sandbox, &mut random, 100, "port-forward").await
    })
}

async fn taken_listed_verified_and_pruned(fixture: &Fixture<'_>) -> Result<()> {
    for store in fixture.stores() {
        let store = store.as_str();
        let empty = fixture.json(store, &["status"], 0).await?;
        ensure!(empty["lastBackup"]["id"].is_null(), "{empty:#}");
        ensure!(empty["lastBackup"]["problem"].is_null(), "{empty:#}");
        let taken = fixture
            .json(store, &["backup", "--label", "one"], 0)
            .await?;
        ensure!(taken["backup"]["role"] == "standby", "{taken:#}");
        let second = fixture
            .json(store, &["backup", "--physical", "--from", "primary"], 0)
            .await?;
        ensure!(second["backup"]["role"] == "primary", "{second:#}");
        fixture
            .json(
                store,
                &["backup", "--database", "postgres", "--jobs", "2"],
                0,
            )
            .await?;
        let third = fixture.json(store, &["backup"], 0).await?;
        fixture
            .json(store, &["backup", "verify", "--all"], 0)
            .await?;
        let list = fixture.json(store, &["backup", "list"], 0).await?;
        ensure!(
            list["backups"]
                .as_array()
                .is_some_and(|list| list.len() == 4),
            "{list:#}"
        );
        for backup in list["backups"].as_array().into_iter().flatten() {
            ensure!(backup["verifiedAt"].is_string(), "{backup:#}");
        }
        let status = fixture.json(store, &["status"], 0).await?;
        ensure!(status["lastBackup"]["id"] == third["id"], "{status:#}");
        fixture
            .run(store, &["status"])
            .await?
            .says("LAST VERIFIED BACKUP")?;
        // One is kept of each kind; the older logical one goes.
        let arguments = ["backup", "prune", "--keep-last", "1"];
        fixture
            .run(store, &arguments)
            .await?
            .exits(3)?
            .says("nobody is there to confirm it")?;
        fixture
            .json(store, &[&arguments[..], &["--dry-run"]].concat(), 0)
            .await?;
        ensure!(fixture.listed(store).await?.0.len() == 4);
        let pruned = fixture
            .json(store, &[&arguments[..], &["--yes"]].concat(), 0)
            .await?;
        ensure!(
            pruned["deleted"] == Value::from(vec![taken["id"].clone()]),
            "{pruned:#}"
        );
        let (left, unfinished) = fixture.listed(store).await?;
        ensure!(
            left.len() == 3 && unfinished.is_empty(),
            "{left:?}, {unfinished:?}"
        );
    }
    fixture.nothing_runs().await
}

/// The Roles that the CronJob has are enough.
async fn as_the_cron_job(fixture: &Fixture<'_>, sandbox: &SandboxCluster) -> Result<()> {
    sandbox.grant(VIEWER, "bart")?;
    sandbox.grant(OPERATOR, "bart")?;
    let bart = sandbox.kubeconfig_of("bart")?;
    let [store, _] = fixture.stores();
    let arguments = ["backup", "--database", "postgres", "--kubeconfig", &bart];
    fixture.run(&store, &arguments).await?.exits(0)?;
    fixture.nothing_runs().await
}

/// Cuts streams at random places, in both ways that they can be cut, of both kinds of backup, into
/// both kinds of store: so many times each.
async fn cuts(
    fixture: &Fixture<'_>,
    sandbox: &SandboxCluster,
    random: &mut StdRng,
    times: usize,
    via: &str,
) -> Result<()> {
    let resource = if via == "exec" {
        "pods/exec"
    } else {
        "pods/portforward"
    };
    for kind in KINDS {
        let arguments = [kind, &["--via", via]].concat();
        // What looks into the cluster before must get through.
        let least = if via == "exec" { 1_000 } else { 200_000 };
        for store in fixture.stores() {
            // One of each in one of the stores where there is little time.
            let both = via == "exec" && (times > 1 || !store.starts_with("s3:"));
            let whole = [&["backup"], &arguments[..]].concat();
            let taken = fixture.json(&store, &whole, 0).await?;
            let mut size = forgotten(fixture, &store, &taken).await?;
            let mut seen = 0;
            'places: while seen < times {
                let after_bytes = random.random_range(least..size);
                let mut effects = vec![Effect::Cut { after_bytes }];
                if both {
                    // The stream ends too early, and the command reports success.
                    effects.push(Effect::Truncate { after_bytes });
                }
                for effect in effects {
                    let told = format!("{seen}: {effect:?} {arguments:?} into {store}");
                    let fault = Fault::new(effect).resource(resource);
                    sandbox.sandbox.faults().api().add(fault);
                    let ended = cut(fixture, sandbox, &store, &arguments)
                        .await
                        .context(told)?;
                    if let Some(smaller) = ended {
                        // How large it is depends on the WAL of the moment. This one was over before
                        // the place came.
                        ensure!(smaller <= after_bytes, "the cut was not seen");
                        size = smaller;
                        continue 'places;
                    }
                }
                seen += 1;
            }
        }
    }
    Ok(())
}

/// Takes a backup whose stream ends too early: that is a failure, and nothing is left. The size of its
/// largest archive when it ended well.
async fn cut(
    fixture: &Fixture<'_>,
    sandbox: &SandboxCluster,
    store: &str,
    arguments: &[&str],
) -> Result<Option<u64>> {
    let before = fixture.listed(store).await?;
    let arguments = [&["backup", "-o", "json"], arguments].concat();
    let run = fixture.run(store, &arguments).await?;
    sandbox.mend().await?;
    if run.status.success() {
        return forgotten(fixture, store, &run.json()?).await.map(Some);
    }
    run.exits(1)?.says("no backup was made")?;
    ensure!(fixture.listed(store).await? == before, "something is left");
    fixture.nothing_runs().await?;
    Ok(None)
}

/// Removes a backup. Bytes of its largest archive as they pass the API: what may be cut lies below.
/// Through a forwarded port it is not compressed yet; that is more, and what is cut lies below.
async fn forgotten(fixture: &Fixture<'_>, store: &str, taken: &Value) -> Result<u64> {
    let id = taken["id"].as_str().context("no id")?.to_owned();
    let store = fixture.store(store)?;
    tokio::task::spawn_blocking(move || store.remove(&id)).await??;
    let archives = taken["backup"]["archives"].as_array();
    let sizes = archives.context("no archives")?.iter();
    let sent = sizes.filter_map(|archive| archive["sentBytes"].as_u64());
    sent.max().context("no sizes")
}

async fn refusals(fixture: &Fixture<'_>) -> Result<()> {
    let [store, _] = fixture.stores();
    let cluster = fixture.cluster;
    // Tools of this machine that are older than the server.
    let folder = tempfile::tempdir()?;
    for tool in ["pg_dump", "pg_dumpall", "pg_basebackup"] {
        let path = folder.path().join(tool);
        std::fs::write(
            &path,
            format!("#!/bin/sh\necho '{tool} (PostgreSQL) 9.6.24'\n"),
        )?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    let path = std::env::var("PATH")?;
    let mut environment = fixture.s3.environment();
    environment.push(("PATH", format!("{}:{path}", folder.path().display())));
    for kind in KINDS {
        let before = fixture.listed(&store).await?;
        let arguments = [&["backup", "--via", "port-forward"], kind].concat();
        let run = fixture.run_with(&store, &arguments, &environment).await?;
        run.exits(3)?
            .says("older than the server")?
            .says("no backup was begun")?;
        ensure!(fixture.listed(&store).await? == before);
    }
    // A tablespace can't be in one stream.
    let primary = cluster.open("primary-0").await?;
    primary.rows("set allow_in_place_tablespaces = on").await?;
    primary
        .rows("create tablespace elsewhere location ''")
        .await?;
    fixture
        .fails(
            &store,
            &["--physical", "--from", "primary"],
            3,
            "tablespaces (elsewhere)",
        )
        .await?;
    primary.rows("drop tablespace elsewhere").await?;
    fixture
        .fails(
            &store,
            &["--database", "none such"],
            3,
            "there is no database",
        )
        .await?;
    fixture
        .fails(&store, &["--from", "replica-7"], 3, "replica-7")
        .await
}

/// A file system of 1 MB, which only this process and its children see.
async fn full_disk(fixture: &Fixture<'_>) -> Result<()> {
    if does_without(Need::Namespaces) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let store = folder.path().display().to_string();
    let script = "\"$0\" backup --physical; code=$?; \"$0\" backup list -o json; ls -A \"$PGCTL_STORE\"; exit $code";
    let plain = fixture.command(&store, &[])?;
    let plain = plain.as_std();
    let mut command = tokio::process::Command::new("bwrap");
    command
        .args([
            "--dev-bind",
            "/",
            "/",
            "--size",
            "1000000",
            "--tmpfs",
            &store,
        ])
        .args(["sh", "-c", script])
        .arg(plain.get_program())
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let output = command.output().await?;
    let (told, list) = (
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    );
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {told}",
        output.status
    );
    ensure!(told.contains("the disk is full"), "{told}");
    // The list, and after it no file.
    let list: Value = serde_json::from_str(&list).with_context(|| format!("{list}{told}"))?;
    ensure!(
        list["backups"] == Value::from(Vec::<String>::new()),
        "{list:#}"
    );
    ensure!(
        list["unfinished"] == Value::from(Vec::<String>::new()),
        "{list:#}"
    );
    fixture.nothing_runs().await
}

async fn full_and_forbidden_buckets(fixture: &Fixture<'_>) -> Result<()> {
    let [_, store] = fixture.stores();
    // The mark is written, and the first part of the archive finds no room.
    fixture.s3.full_after(1);
    let before = fixture.listed(&store).await?;
    let run = fixture.run(&store, &["backup", "--physical"]).await?;
    run.exits(1)?
        .says("XMinioStorageFull")?
        .says("no backup was made")?;
    fixture.s3.full_after(u64::MAX);
    ensure!(fixture.listed(&store).await? == before);
    let wrong = fixture.s3.environment_with("not-the-secret");
    let run = fixture.run_with(&store, &["backup"], &wrong).await?;
    let run = run.exits(1)?.says("refused the credentials")?;
    ensure!(!run.stderr.contains("not-the-secret"), "{run}");
    let run = fixture.run("s3://no-such-bucket/p", &["backup"]).await?;
    run.exits(1)?
        .says("there is no bucket \"no-such-bucket\"")?;
    // status is not held up by it, and says why it knows nothing.
    let status = fixture
        .json("s3://no-such-bucket/p", &["status"], 0)
        .await?;
    let problem = status["lastBackup"]["problem"].as_str().unwrap_or_default();
    ensure!(problem.contains("no-such-bucket"), "{status:#}");
    fixture.nothing_runs().await
}

async fn interrupted_and_killed(fixture: &Fixture<'_>) -> Result<()> {
    let [store, _] = fixture.stores();
    let before = fixture.listed(&store).await?;
    for kind in KINDS {
        let child = fixture.slow(kind).await?;
        signal(&child, rustix::process::Signal::INT)?;
        let output = child.wait_with_output().await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(130),
            "{:?}: {told}",
            output.status
        );
        ensure!(told.contains("interrupted"), "{told}");
        ensure!(fixture.listed(&store).await? == before, "{told}");
        fixture.nothing_runs().await?;
    }
    for (kind, via) in [(KINDS[0], "exec"), (KINDS[1], "port-forward")] {
        let mut child = fixture.slow(&[kind, &["--via", via]].concat()).await?;
        signal(&child, rustix::process::Signal::KILL)?;
        child.wait().await?;
        // What it left is no backup, and says so; what it had started ends by itself.
        let (finished, unfinished) = fixture.listed(&store).await?;
        ensure!(
            finished == before.0 && unfinished.len() == 1,
            "{unfinished:?}"
        );
        fixture.nothing_runs().await?;
        fixture.store(&store)?.remove_unfinished(&unfinished[0])?;
    }
    Ok(())
}

async fn no_password_is_in_any_command_line(fixture: &Fixture<'_>) -> Result<()> {
    for kind in KINDS {
        let mut child = fixture.slow(kind).await?;
        no_password_in_any_command_line(fixture)?;
        signal(&child, rustix::process::Signal::INT)?;
        child.wait().await?;
    }
    fixture.nothing_runs().await
}

/// Neither on this machine nor in the pods, which are processes of this machine.
fn no_password_in_any_command_line(fixture: &Fixture<'_>) -> Result<()> {
    let password = fixture.cluster.login.password();
    ensure!(password.len() >= 8, "too short to be looked for");
    let mut tools = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        tools += usize::from(line.starts_with("pg_dump") || line.starts_with("pg_basebackup"));
        ensure!(!line.contains(password), "{line}");
    }
    ensure!(tools > 0, "nothing ran that could have shown it");
    Ok(())
}

async fn a_dump_that_fails_in_the_middle(fixture: &Fixture<'_>) -> Result<()> {
    let [store, _] = fixture.stores();
    let before = fixture.listed(&store).await?;
    for kind in KINDS {
        let child = fixture
            .slow(&[kind, &["--from", "primary"]].concat())
            .await?;
        let kill = "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity \
             where application_name like 'pgctl_backup_%'";
        let killed = fixture.cluster.sql("primary-0", kill).await?;
        ensure!(killed != [["0"]], "there was nobody to end");
        let output = child.wait_with_output().await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(1),
            "{:?}: {told}",
            output.status
        );
        ensure!(told.contains("failed at the source"), "{told}");
        ensure!(fixture.listed(&store).await? == before, "{told}");
    }
    fixture.nothing_runs().await
}

async fn a_pod_that_is_killed(fixture: &Fixture<'_>) -> Result<()> {
    let [store, _] = fixture.stores();
    let before = fixture.listed(&store).await?;
    let child = fixture.slow(&["--from", "replica-0"]).await?;
    fixture.cluster.kill("replica-0").await?;
    let output = child.wait_with_output().await?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {told}",
        output.status
    );
    ensure!(told.contains("no backup was made"), "{told}");
    ensure!(fixture.listed(&store).await? == before, "{told}");
    Ok(())
}
