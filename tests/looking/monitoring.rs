//! `deploy/components/monitoring` as it is: pgctl and the community's exporter in a pod, with what docs/metrics.md has one give them.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::metrics::get;
use super::needs::{Need, does_without};
use super::support::S3Server;
use super::test_cluster::{SandboxCluster, eventually, full, on_sandbox};

const PGCTL: u16 = 9186;
const EXPORTER: u16 = 9187;
/// What prometheus-operator has to have brought.
const OF_THE_OPERATOR: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

/// The component in an overlay with a prefix. Pods of the sandbox share one network, each with an address of its own.
const OVERLAY: &str = r#"
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: NAMESPACE
namePrefix: sandbox-
resources: [DEPLOY/base]
components: [DEPLOY/components/monitoring]
patches:
  - target: {kind: Deployment, name: pgctl-metrics}
    patch: |-
      - op: add
        path: /spec/template/spec/containers/0/env
        value: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
      - op: replace
        path: /spec/template/spec/containers/0/args/2
        value: $(POD_IP):9186
      - op: add
        path: /spec/template/spec/containers/1/env/0
        value: {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
      - op: replace
        path: /spec/template/spec/containers/1/args/0
        value: --web.listen-address=$(POD_IP):9187
"#;

#[test]
fn the_shipped_monitoring_tells_of_the_cluster_of_its_servers_and_of_its_backups() -> Result<()> {
    if does_without(Need::Kubectl) {
        return Ok(());
    }
    on_sandbox(1, async |cluster| {
        let s3 = S3Server::start().await;
        it_is_applied(cluster)?;
        without_any_secret_it_tells_of_the_cluster(cluster).await?;
        with_its_secrets_of_all(cluster, &s3).await?;
        the_exporter_follows_a_failover(cluster).await?;
        the_account_looks_and_no_more(cluster)
    })
}

/// What the component adds to an overlay, with and without what is prometheus-operator's.
fn added(cluster: &SandboxCluster) -> Result<(String, String)> {
    let folder = cluster.overlay(&OVERLAY.replace("NAMESPACE", cluster.namespace()))?;
    let all = cluster.kubectl(&["kustomize", &folder.display().to_string()])?;
    let mut added = (Vec::new(), Vec::new());
    for document in all.split("\n---\n") {
        let object: Value = serde_saphyr::from_str(document)?;
        let name = object["metadata"]["name"].as_str().context("a name")?;
        // The rest of the overlay is there.
        if !name.starts_with("sandbox-pgctl") {
            continue;
        }
        added.0.push(document);
        if !OF_THE_OPERATOR.iter().any(|it| object["kind"] == *it) {
            added.1.push(document);
        }
    }
    ensure!(added.0.len() == added.1.len() + 2, "{all}");
    Ok((added.0.join("\n---\n"), added.1.join("\n---\n")))
}

fn it_is_applied(cluster: &SandboxCluster) -> Result<()> {
    let (all, without_operator) = added(cluster)?;
    let file = cluster.folder().join("monitoring.yaml");
    let name = file.display().to_string();
    std::fs::write(&file, all)?;
    // As on any cluster where nobody has brought these kinds.
    let refused = cluster.kubectl(&["apply", "--dry-run=server", "-f", &name]);
    let refused = format!("{:#}", refused.err().context("it was taken")?);
    for kind in OF_THE_OPERATOR {
        ensure!(
            refused.contains(&format!("no matches for kind \"{kind}\"")),
            "{refused}"
        );
    }
    std::fs::write(&file, without_operator)?;
    cluster.kubectl(&["apply", "-f", &name])?;
    is_ready(cluster)
}

fn is_ready(cluster: &SandboxCluster) -> Result<()> {
    let deployment = ["deployment/sandbox-pgctl-metrics", "--timeout=240s"];
    let waited = cluster.kubectl(&[&["rollout", "status"][..], &deployment].concat());
    let pods = || {
        cluster.kubectl(&[
            "describe",
            "pods",
            "-l",
            "app.kubernetes.io/component=monitoring",
        ])
    };
    waited.with_context(|| pods().unwrap_or_default()).map(drop)
}

/// What a port of the component's Service answers.
async fn told(cluster: &SandboxCluster, port: u16) -> Result<String> {
    let service = ["get", "service", "sandbox-pgctl-metrics", "-o"];
    let address = [&service[..], &["jsonpath={.spec.clusterIP}"]].concat();
    let address = cluster.kubectl(&address)?;
    let answer = get(&format!("{address}:{port}"), "/metrics", "30").await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

/// Waits until a port tells all of these lines: a name with its labels, as far as it is said here, and the value.
async fn tells(cluster: &SandboxCluster, port: u16, wanted: &[(&str, &str)]) -> Result<String> {
    eventually("it tells", async || {
        let answer = told(cluster, port).await?;
        for (name, value) in wanted {
            let mut lines = answer.lines();
            let found = lines.any(|it| it.starts_with(name) && it.ends_with(&format!(" {value}")));
            ensure!(found, "{name} {value}: {answer}");
        }
        Ok(answer)
    })
    .await
}

async fn without_any_secret_it_tells_of_the_cluster(cluster: &SandboxCluster) -> Result<()> {
    let primary = format!("pod=\"{}\"", full("primary-0"));
    let up = [("pgctl_up", "1.0"), ("pgctl_primaries", "1.0")];
    let answer = tells(cluster, PGCTL, &up).await?;
    // The Role of the component is enough for what has to be asked inside of a pod, too.
    for name in [
        "connections{",
        "slot_active{",
        "disk_size_bytes{",
        "wal_bytes{",
    ] {
        let name = format!("pgctl_{name}");
        let mut lines = answer.lines().filter(|it| it.starts_with(&name));
        ensure!(lines.any(|it| it.contains(&primary)), "{name}: {answer}");
    }
    ensure!(!answer.contains("pgctl_store_up"), "{answer}");
    tells(cluster, EXPORTER, &[("pg_up", "0")]).await?;
    Ok(())
}

async fn with_its_secrets_of_all(cluster: &SandboxCluster, s3: &S3Server) -> Result<()> {
    let line = ["users", "create", "postgres_exporter", "--monitor"];
    let line = [&line[..], &["--app-secret", "postgres-exporter", "--yes"]].concat();
    cluster.pgctl(&line).await?.exits(0)?;
    let secret = ["create", "secret", "generic"];
    let store = "s3://backups/some/prefix";
    let mut command = cluster.command(&["backup", "--physical", "--store", store])?;
    let taken = command.envs(s3.environment()).output().await?;
    ensure!(taken.status.success(), "{taken:?}");
    let keys = s3.environment();
    let keys = keys
        .iter()
        .map(|(name, value)| format!("--from-literal={name}={value}"));
    let keys: Vec<String> = keys.collect();
    let place = format!("--from-literal=PGCTL_STORE={store}");
    let mut words = [&secret[..], &["pgctl-metrics-store", &place]].concat();
    words.extend(keys.iter().map(String::as_str));
    cluster.kubectl(&words)?;
    cluster.kubectl(&["rollout", "restart", "deployment/sandbox-pgctl-metrics"])?;
    is_ready(cluster)?;

    tells(
        cluster,
        PGCTL,
        &[("pgctl_store_up", "1.0"), ("pgctl_backups{", "1.0")],
    )
    .await?;
    let answer = tells(cluster, EXPORTER, &[("pg_up", "1")]).await?;
    for name in [
        "pg_stat_database_xact_commit{",
        "pg_stat_replication_pg_wal_lsn_diff{",
    ] {
        ensure!(answer.contains(name), "{name}: {answer}");
    }
    Ok(())
}

/// It asks the server that the write Service leads to.
async fn the_exporter_follows_a_failover(cluster: &SandboxCluster) -> Result<()> {
    let line = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    let of_former = format!(
        "pg_stat_replication_pg_wal_lsn_diff{{application_name=\"{}\"",
        full("primary-0")
    );
    eventually("the exporter asks the new primary", async || {
        let answer = told(cluster, EXPORTER).await?;
        ensure!(answer.contains(&of_former), "{answer}");
        Ok(())
    })
    .await?;
    eventually("pgctl tells of the new primary", async || {
        let answer = told(cluster, PGCTL).await?;
        let new = format!("pod=\"{}\"}} 1.0", full("replica-0"));
        let mut lines = answer.lines();
        let told = lines.any(|it| it.starts_with("pgctl_instance_primary{") && it.ends_with(&new));
        ensure!(told, "{answer}");
        Ok(())
    })
    .await
}

fn the_account_looks_and_no_more(cluster: &SandboxCluster) -> Result<()> {
    let account = format!(
        "--as=system:serviceaccount:{}:sandbox-pgctl-metrics",
        cluster.namespace()
    );
    let may = |words: &[&str]| {
        // It ends with 1 when it says no.
        match cluster.kubectl(&[&["auth", "can-i", &account][..], words].concat()) {
            Ok(said) => said,
            Err(error) => format!("{error:#}"),
        }
    };
    ensure!(may(&["list", "pods"]).contains("yes"), "it can't look");
    for words in [
        ["delete", "pods"],
        ["patch", "statefulsets"],
        ["update", "configmaps"],
        ["patch", "secrets"],
        ["list", "secrets"],
    ] {
        let said = may(&words);
        ensure!(said.trim_end().ends_with("no"), "{words:?}: {said}");
    }
    Ok(())
}
