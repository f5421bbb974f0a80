//! Certificates are taken from a cluster that runs, and given to it again, in the steps of docs/runbooks/tls.md.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{EnvVar, PodSpec, SecretVolumeSource, Volume, VolumeMount};
use pgctl_sandbox::certificates::CertificateAuthority;

use super::test_cluster::{Oracle, SandboxCluster, eventually, full, on_sandbox_with_certificates};
use super::world::BOTH;

const CERTIFICATE: &str = "certificate";
const SSLMODE: &str = "PG_SSLMODE";
const FOLDER: &str = "PG_TLS_DIR";

/// What `deploy/components` has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Component {
    Neither,
    Offered,
    Demanded,
}

#[test]
fn encryption_is_turned_off_and_on_by_rollouts_and_no_commit_is_lost() -> Result<()> {
    let ours = Arc::new(CertificateAuthority::generate("ours")?);
    on_sandbox_with_certificates(2, &ours, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        for component in [
            Component::Offered,
            Component::Neither,
            Component::Offered,
            Component::Demanded,
        ] {
            apply(cluster, component).await?;
            cluster.rolls_out(&[], 0).await?;
            let primary = oracle.content(cluster).await?;
            eventually("both stream as they should", async || {
                let sql = "select count(*), bool_and(ssl) from pg_stat_replication \
                    join pg_stat_ssl using (pid) where state = 'streaming'";
                let answer = cluster.sql(&primary, sql).await?;
                let encrypted = match component {
                    Component::Neither => "f",
                    Component::Offered | Component::Demanded => "t",
                };
                ensure!(answer == [["2", encrypted]], "{component:?}: {answer:?}");
                Ok(())
            })
            .await?;
        }
        oracle.never_two()
    })
}

/// Somebody applies the overlay with this component.
async fn apply(cluster: &SandboxCluster, component: Component) -> Result<()> {
    for set in BOTH {
        let name = full(set);
        cluster
            .store()
            .modify::<StatefulSet>(cluster.namespace(), &name, |set| {
                let spec = set.spec.get_or_insert_default();
                change(spec.template.spec.get_or_insert_default(), component);
            })?;
    }
    eventually("the controller has seen it", async || {
        for set in BOTH {
            let set: StatefulSet = cluster.store().read(cluster.namespace(), &full(set))?;
            let seen = set.status.and_then(|it| it.observed_generation);
            ensure!(seen == set.metadata.generation, "{:?}", set.metadata);
        }
        Ok(())
    })
    .await
}

fn change(pod: &mut PodSpec, component: Component) {
    let container = &mut pod.containers[0];
    let variables = container.env.get_or_insert_default();
    let mounts = container.volume_mounts.get_or_insert_default();
    let volumes = pod.volumes.get_or_insert_default();
    variables.retain(|it| it.name != SSLMODE && it.name != FOLDER);
    mounts.retain(|it| it.name != CERTIFICATE);
    volumes.retain(|it| it.name != CERTIFICATE);
    if component == Component::Demanded {
        variables.push(EnvVar {
            name: SSLMODE.to_owned(),
            value: Some("verify-full".to_owned()),
            ..EnvVar::default()
        });
    }
    if component != Component::Neither {
        variables.push(EnvVar {
            name: FOLDER.to_owned(),
            value: Some("/etc/postgresql-tls".to_owned()),
            ..EnvVar::default()
        });
        mounts.push(VolumeMount {
            name: CERTIFICATE.to_owned(),
            mount_path: "/etc/postgresql-tls".to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        });
        volumes.push(Volume {
            name: CERTIFICATE.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some("postgres-tls".to_owned()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
}
