//! A cluster in which all is encrypted and every server proves who it is (`deploy/components/tls`): whatever pgctl does, it does
//! there, too.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use pgctl_sandbox::certificates::{CertificateAuthority, KeyedCertificate, Lifetime};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use crate::test_cluster::{SandboxCluster, eventually, full, on_sandbox_with_certificates};

/// The Secret that the component names.
const SECRET: &str = "postgres-tls";
const STREAMS_ENCRYPTED: &str = "select count(*) = 2 and bool_and(ssl) from pg_stat_replication \
    join pg_stat_ssl using (pid) where state = 'streaming'";

#[test]
fn everything_is_done_over_verified_connections() -> Result<()> {
    let ours = Arc::new(CertificateAuthority::generate("ours")?);
    on_sandbox_with_certificates(2, &ours, async |cluster| {
        nobody_comes_in_without_encryption(cluster).await?;
        commands_that_look_work(cluster).await?;
        tools_work_in_the_pod_and_here(cluster).await?;
        the_primary_moves_and_comes_back(cluster).await?;
        a_renewed_certificate_is_seen(cluster, &ours).await?;
        an_expired_certificate_keeps_pgctl_out_of_nothing(cluster, &ours).await?;
        without_an_authority_the_servers_are_asked_all_the_same(cluster, &ours).await?;
        another_authority_is_refused(cluster).await
    })
}

/// A certificate of these servers.
fn signed(
    cluster: &SandboxCluster,
    by: &CertificateAuthority,
    lifetime: Lifetime,
) -> Result<KeyedCertificate> {
    let namespace = cluster.namespace();
    let names = ["primary", "replica"].map(|set| format!("*.{}.{namespace}.svc", full(set)));
    by.server(&names, lifetime)
}

/// Puts these into the Secret.
fn put(cluster: &SandboxCluster, files: &[(&str, &str)]) -> Result<()> {
    let namespace = cluster.namespace();
    cluster
        .store()
        .modify(namespace, SECRET, |secret: &mut Secret| {
            let data = secret.data.get_or_insert_default();
            for (key, value) in files {
                data.insert((*key).to_owned(), ByteString(value.as_bytes().to_vec()));
            }
        })?;
    Ok(())
}

async fn status(cluster: &SandboxCluster) -> Result<Value> {
    cluster.pgctl(&["status", "-o", "json"]).await?.json()
}

async fn nobody_comes_in_without_encryption(cluster: &SandboxCluster) -> Result<()> {
    let stream = TcpStream::connect((cluster.address("primary-0")?.as_str(), 5432)).await?;
    let mut config = tokio_postgres::Config::new();
    config.user("postgres").password("any").dbname("postgres");
    let refused = config.connect_raw(stream, NoTls).await.err();
    let refused = refused.context("it was let in")?;
    let code = refused.code().map(tokio_postgres::error::SqlState::code);
    assert_eq!(code, Some("28000"), "{refused}");
    Ok(())
}

async fn commands_that_look_work(cluster: &SandboxCluster) -> Result<()> {
    cluster
        .pgctl(&["status"])
        .await?
        .exits(0)?
        .says("HEALTHY")?;
    let status = status(cluster).await?;
    let instances = status["instances"].as_array().context("a list")?;
    assert_eq!(instances.len(), 3);
    for instance in instances {
        ensure!(instance["certificateExpiresAt"].is_string(), "{instance}");
    }
    cluster.pgctl(&["lag"]).await?.exits(0)?;
    let doctor = ["doctor", "--check", "certificate-expires", "-o", "json"];
    cluster.pgctl(&doctor).await?.exits(0)?;
    let sql = "select 'encry' || 'pted' from pg_stat_ssl where ssl and pid = pg_backend_pid()";
    let query = ["query", sql, "-o", "json"];
    cluster.pgctl(&query).await?.exits(0)?.says("encrypted")?;
    let psql = ["psql", "--", "-XAt", "-c", sql];
    let answer = cluster.pgctl(&psql).await?.exits(0)?;
    assert_eq!(answer.stdout, "encrypted\n");
    Ok(())
}

async fn tools_work_in_the_pod_and_here(cluster: &SandboxCluster) -> Result<()> {
    let store = cluster.folder().join("store").display().to_string();
    for arguments in [
        &["backup"][..],
        &["backup", "--via", "port-forward"],
        &["backup", "--physical", "--via", "port-forward"],
    ] {
        let arguments = [arguments, &["--store", &store]].concat();
        cluster.pgctl(&arguments).await?.exits(0)?;
    }
    Ok(())
}

async fn the_primary_moves_and_comes_back(cluster: &SandboxCluster) -> Result<()> {
    for to in ["replica-0", "primary-0"] {
        cluster
            .pgctl(&["failover", "--to", to, "--yes"])
            .await?
            .exits(0)?;
        assert_eq!(cluster.primary().await?, to);
        if to == "replica-0" {
            cluster
                .pgctl(&["rejoin", "primary-0", "--yes"])
                .await?
                .exits(0)?;
        }
        eventually("both others stream from it, encrypted", async || {
            let answer = cluster.sql(to, STREAMS_ENCRYPTED).await?;
            ensure!(answer == [["t"]], "{answer:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn a_renewed_certificate_is_seen(
    cluster: &SandboxCluster,
    ours: &CertificateAuthority,
) -> Result<()> {
    // What there was is of the year 4096.
    let renewed = signed(cluster, ours, Lifetime::Until(2095, 5, 6))?;
    taken(cluster, &renewed, "2095-05-06T00:00:00Z").await
}

/// Puts a certificate that expires then into the Secret, and waits for the servers.
async fn taken(
    cluster: &SandboxCluster,
    certificate: &KeyedCertificate,
    expires: &str,
) -> Result<()> {
    let (own, key) = (&certificate.certificate, &certificate.key);
    put(cluster, &[("tls.crt", own), ("tls.key", key)])?;
    eventually("every server presents it", async || {
        let status = status(cluster).await?;
        let instances = status["instances"].as_array().context("a list")?;
        for instance in instances {
            ensure!(instance["certificateExpiresAt"] == expires, "{instance}");
        }
        Ok(())
    })
    .await
}

/// Nobody else connects any more: whoever is to mend that has to see what there is.
async fn an_expired_certificate_keeps_pgctl_out_of_nothing(
    cluster: &SandboxCluster,
    ours: &CertificateAuthority,
) -> Result<()> {
    let expired = signed(cluster, ours, Lifetime::Expired)?;
    taken(cluster, &expired, "2021-01-01T00:00:00Z").await?;
    let run = cluster.pgctl(&["status", "-o", "json"]).await?;
    ensure!(
        run.stdout.contains("its certificate expired at 2021-01-01"),
        "{run}"
    );
    let sql = "select 'encry' || 'pted' from pg_stat_ssl where ssl and pid = pg_backend_pid()";
    let query = ["query", sql, "-o", "json"];
    cluster.pgctl(&query).await?.exits(0)?.says("encrypted")?;
    let psql = ["psql", "--", "-XAt", "-c", sql];
    let answer = cluster.pgctl(&psql).await?.exits(0)?;
    assert_eq!(answer.stdout, "encrypted\n");
    let renewed = signed(cluster, ours, Lifetime::Until(2096, 5, 6))?;
    taken(cluster, &renewed, "2096-05-06T00:00:00Z").await
}

async fn without_an_authority_the_servers_are_asked_all_the_same(
    cluster: &SandboxCluster,
    ours: &CertificateAuthority,
) -> Result<()> {
    put(cluster, &[("ca.crt", "")])?;
    let status = cluster.pgctl(&["status", "-o", "json"]).await?;
    ensure!(
        status
            .stdout
            .contains("who has signed the servers' certificates"),
        "{status}"
    );
    let document = status.json()?;
    let instances = document["instances"].as_array().context("a list")?;
    for instance in instances {
        ensure!(instance["certificateExpiresAt"].is_string(), "{instance}");
    }
    let sql = "select 'encry' || 'pted' from pg_stat_ssl where ssl and pid = pg_backend_pid()";
    let query = ["query", sql, "-o", "json"];
    cluster.pgctl(&query).await?.exits(0)?.says("encrypted")?;
    put(cluster, &[("ca.crt", &ours.pem())])
}

async fn another_authority_is_refused(cluster: &SandboxCluster) -> Result<()> {
    // Only what pgctl reads changes at once: the pods get it when the kubelet has looked.
    let theirs = CertificateAuthority::generate("theirs")?;
    put(cluster, &[("ca.crt", &theirs.pem())])?;
    let run = cluster.pgctl(&["status", "-o", "json"]).await?;
    ensure!(!run.status.success(), "{run}");
    for words in ["another authority than ca.crt has signed it", SECRET] {
        ensure!(run.stdout.contains(words), "{words} is not in {run}");
    }
    Ok(())
}
