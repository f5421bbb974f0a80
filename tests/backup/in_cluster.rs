//! The CronJobs of `deploy/components/backup` as they are: pgctl in a pod, with the account's token and nothing else.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::fixture::Fixture;
use crate::needs::{Need, does_without};
use crate::support::S3Server;
use crate::test_cluster::{SandboxCluster, on_sandbox, within};

const STORE: &str = "s3://backups/some/prefix";

/// An overlay as docs/runbooks/backup.md has it made: the Roles, the component, the bucket's name and its keys.
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
components: [DEPLOY/components/backup]
secretGenerator:
  - name: pgctl-backup-store
    literals:
{literals}generatorOptions: {{disableNameSuffixHash: true}}
patches:
  - target: {{kind: CronJob}}
    patch: |-
      - op: replace
        path: /spec/jobTemplate/spec/template/spec/containers/0/env/0/value
        value: {STORE}
"#
    );
    cluster.overlay(&text)
}

/// Starts a CronJob's Job by hand and waits until a condition of it holds; its pods' log.
async fn job(cluster: &SandboxCluster, name: &str, from: &str, condition: &str) -> Result<String> {
    let from = format!("--from=cronjob/{from}");
    cluster.kubectl(&["create", "job", name, &from])?;
    let job = format!("job/{name}");
    let wait = format!("--for=condition={condition}");
    let waited = cluster.kubectl(&["wait", &wait, &job, "--timeout=240s"]);
    let log = cluster.kubectl(&["logs", "-l", &format!("job-name={name}"), "--tail=-1"])?;
    let pods = || cluster.kubectl(&["describe", "pods", "-l", &format!("job-name={name}")]);
    waited.with_context(|| format!("{log}\n{}", pods().unwrap_or_default()))?;
    Ok(log)
}

#[test]
fn the_shipped_cronjobs_take_check_and_prune_backups_with_their_own_account() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let folder = overlay(cluster, &fixture.s3)?.display().to_string();
        cluster.kubectl(&["apply", "-k", &folder])?;

        job(cluster, "physical", "pgctl-backup-physical", "complete").await?;
        job(cluster, "logical", "pgctl-backup-logical", "complete").await?;
        let (listed, unfinished) = fixture.listed(STORE).await?;
        ensure!(
            listed.len() == 2 && unfinished.is_empty(),
            "{listed:?} {unfinished:?}"
        );
        job(cluster, "verify", "pgctl-backup-verify", "complete").await?;
        // Of the newest, which is the dump.
        let log = job(cluster, "drill", "pgctl-backup-restore-test", "complete").await?;
        ensure!(
            log.contains("restored into a throw-away PostgreSQL"),
            "{log}"
        );
        job(cluster, "prune", "pgctl-backup-prune", "complete").await?;
        ensure!(fixture.listed(STORE).await?.0.len() == 2, "both are new");
        fixture
            .run(STORE, &["backup", "list"])
            .await?
            .exits(0)?
            .says("nightly")?;

        // The viewer's Role is enough: the operator's is for what the component says.
        cluster.kubectl(&["delete", "rolebinding", "pgctl-backup-operator"])?;
        job(cluster, "viewer", "pgctl-backup-logical", "complete").await?;

        cluster.kubectl(&["delete", "rolebinding", "pgctl-backup-viewer"])?;
        cluster.kubectl(&[
            "create",
            "job",
            "denied",
            "--from=cronjob/pgctl-backup-logical",
        ])?;
        let limit = std::time::Duration::from_secs(120);
        within(limit, "the Job says what it lacks", async || {
            let log = cluster.kubectl(&["logs", "-l", "job-name=denied", "--tail=-1"])?;
            let account = format!("{}:pgctl-backup\" cannot list", cluster.namespace());
            for words in [account.as_str(), "next: ask for the Role pgctl-viewer"] {
                ensure!(log.contains(words), "{words}: {log}");
            }
            Ok(())
        })
        .await?;
        Ok(())
    })
}
