//! `deploy/components/wal-archive` as it is: pgctl in a pod, with the account's token and nothing else.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::fixture::Fixture;
use crate::needs::{Need, does_without};
use crate::support::S3Server;
use crate::test_cluster::{SandboxCluster, eventually, on_sandbox};

const STORE: &str = "s3://backups/some/prefix";

/// An overlay as docs/runbooks/wal-archive.md has it made: the Roles, the component, the bucket's name and its keys.
fn overlay(cluster: &SandboxCluster, s3: &S3Server) -> Result<PathBuf> {
    let namespace = cluster.namespace();
    let literals: String = s3
        .environment()
        .iter()
        .map(|(name, value)| format!("      - {name}={value}\n"))
        .collect();
    let text = format!(
        r#"
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources: [DEPLOY/rbac]
components: [DEPLOY/components/wal-archive]
secretGenerator:
  - name: pgctl-backup-store
    literals:
{literals}generatorOptions: {{disableNameSuffixHash: true}}
patches:
  - target: {{kind: StatefulSet, name: pgctl-wal-archive}}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/env/0/value
        value: {STORE}
  - target: {{kind: CronJob, name: pgctl-wal-restore-test}}
    patch: |-
      - op: replace
        path: /spec/jobTemplate/spec/template/spec/containers/0/env/0/value
        value: {STORE}
"#
    );
    cluster.overlay(&text)
}

#[test]
fn the_shipped_component_archives_with_its_own_account_also_after_its_pod_is_deleted() -> Result<()>
{
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let s3 = S3Server::start().await;
        let environment = s3.environment();
        let folder = overlay(cluster, &s3)?.display().to_string();
        cluster.kubectl(&["apply", "-k", &folder])?;
        let log = || cluster.kubectl(&["logs", "pgctl-wal-archive-0", "--tail=-1"]);
        eventually("it streams", async || {
            let log = log()?;
            ensure!(log.contains("\"event\":\"up-to\""), "{log}");
            Ok(())
        })
        .await?;
        fixture.write(40).await?;
        fixture
            .all_is_archived_in(STORE, &environment)
            .await
            .with_context(|| log().unwrap_or_default())?;

        // Its pod goes, at once, and comes back with its spool.
        cluster.kubectl(&[
            "delete",
            "pod",
            "pgctl-wal-archive-0",
            "--grace-period=0",
            "--force",
        ])?;
        fixture.write(40).await?;
        let archive = fixture
            .all_is_archived_in(STORE, &environment)
            .await
            .with_context(|| log().unwrap_or_default())?;
        ensure!(
            archive["gaps"].as_array().is_some_and(Vec::is_empty),
            "{archive}"
        );
        ensure!(
            archive["ranges"].as_array().map(Vec::len) == Some(1),
            "{archive}"
        );
        proven_by_a_restore(cluster, &fixture, &environment).await
    })
}

/// As the CronJob does every week, to the last that is archived.
async fn proven_by_a_restore(
    cluster: &SandboxCluster,
    fixture: &Fixture<'_>,
    environment: &[(&'static str, String)],
) -> Result<()> {
    let mut all: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    all.push(("PGCTL_STORE", STORE));
    let run = cluster.pgctl_with(&["backup", "--physical"], &all).await?;
    run.exits(0)?;
    fixture.write(20).await?;
    fixture.all_is_archived_in(STORE, environment).await?;
    let from = "--from=cronjob/pgctl-wal-restore-test";
    cluster.kubectl(&["create", "job", "drill", from])?;
    let waited = cluster.kubectl(&[
        "wait",
        "--for=condition=complete",
        "job/drill",
        "--timeout=240s",
    ]);
    let log = cluster.kubectl(&["logs", "-l", "job-name=drill", "--tail=-1"])?;
    waited.with_context(|| log.clone())?;
    ensure!(log.contains("with all of the archived WAL"), "{log}");
    let run = cluster.pgctl_with(&["backup", "list", "-o", "json"], &all);
    let list = run.await?.exits(0)?.json()?;
    let tested = &list["backups"][0]["restoreTest"];
    ensure!(tested.is_object(), "it is not written down: {list}");
    Ok(())
}
