//! Pods that have a certificate: `deploy/base/scripts/tls.sh`, with the files of `deploy/components/tls`.

use std::process::Command;

use crate::pod::{Cluster, PASSWORD, PRIMARY, Pod, REPLICA, REPLICA_1, skipped, wait_until};
use anyhow::{Result, ensure};
use pgctl::postgres::{Encryption, Login, Rights, Session};
use pgctl_sandbox::certificates::{CertificateAuthority, KeyedCertificate, Lifetime};

/// What `deploy/components/tls` adds to the environment, and `deploy/components/tls-offered` does not.
pub(crate) const VERIFYING: &[(&str, &str)] = &[("PG_SSLMODE", "verify-full")];
const ENCRYPTED: &str =
    "SELECT bool_and(ssl) FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)";

pub(crate) fn authority(name: &str) -> Result<CertificateAuthority> {
    CertificateAuthority::generate(name)
}

pub(crate) fn signed(by: &CertificateAuthority) -> Result<KeyedCertificate> {
    signed_for(by, Lifetime::Long)
}

pub(crate) fn signed_for(
    by: &CertificateAuthority,
    lifetime: Lifetime,
) -> Result<KeyedCertificate> {
    let names = ["*.x-postgres-primary.ns.svc", "*.x-postgres-replica.ns.svc"];
    by.server(&names.map(str::to_owned), lifetime)
}

pub(crate) fn present(
    cluster: &Cluster,
    pods: &[&str],
    authority: &CertificateAuthority,
    certificate: &KeyedCertificate,
) -> Result<()> {
    for pod in pods {
        let files = [
            ("ca.crt", authority.pem()),
            ("tls.crt", certificate.certificate.clone()),
            ("tls.key", certificate.key.clone()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (*a, b.as_str())).collect();
        cluster.present(pod, &files)?;
    }
    Ok(())
}

/// A primary and a standby of one authority, which verify each other.
pub(crate) fn verifying() -> Result<(Cluster, CertificateAuthority, Pod, Pod)> {
    let cluster = Cluster::stopped()?;
    let ours = authority("ours")?;
    let pods = [PRIMARY, REPLICA, REPLICA_1];
    present(&cluster, &pods, &ours, &signed(&ours)?)?;
    let mut primary = cluster.start_with(PRIMARY, VERIFYING)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let mut replica = cluster.start_with(REPLICA, VERIFYING)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    Ok((cluster, ours, primary, replica))
}

/// The certificate that the server of a pod presents (DER).
pub(crate) fn presented(cluster: &Cluster, pod: &str) -> Result<Option<Vec<u8>>> {
    let login = Login {
        user: "postgres".to_owned(),
        password: PASSWORD.to_owned().into(),
        source_of_password: "the test".to_owned(),
        others: Vec::new(),
        timeout: std::time::Duration::from_secs(60),
        encryption: Encryption::Unverified,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect((cluster.address(pod), 5432)).await?;
        let none = std::future::ready(None);
        let rights = Rights::Ordinary;
        let session = Session::connect_to(stream, none, &login, "postgres", rights).await?;
        Ok(session.certificate().map(<[u8]>::to_vec))
    })
}

/// Whether a session without encryption is let in.
fn lets_in_without(cluster: &Cluster, pod: &str) -> Result<bool> {
    let conninfo = format!(
        "host={} user=postgres dbname=postgres sslmode=disable",
        cluster.address(pod)
    );
    let programs = pgctl_sandbox::runtime::postgres_programs();
    let psql = programs.map_or_else(|| "psql".into(), |it| it.join("psql"));
    let output = Command::new(psql)
        .args(["-XAtq", "-c", "SELECT 1", &conninfo])
        .env("PGPASSWORD", PASSWORD)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let refused = said.contains("no pg_hba.conf entry");
    ensure!(output.status.success() || refused, "{said}");
    Ok(output.status.success())
}

#[test]
fn pods_with_certificates_verify_each_other_and_let_nobody_in_without_encryption() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _, _primary, replica) = verifying()?;
    assert_eq!(cluster.sql(PRIMARY, ENCRYPTED)?, "t");
    for pod in [PRIMARY, REPLICA] {
        ensure!(!lets_in_without(&cluster, pod)?, "{pod}");
    }
    let conninfo = cluster.sql(REPLICA, "SHOW primary_conninfo")?;
    ensure!(
        conninfo.contains(" sslmode=verify-full sslrootcert="),
        "{conninfo}"
    );
    // Its probe asks the primary by the same words.
    assert_eq!(replica.probe("ready")?, 0);
    // One with an empty volume copies what it needs the same way.
    let mut copy = cluster.start_with(REPLICA_1, VERIFYING)?;
    copy.until("it streams", || cluster.streams(PRIMARY, REPLICA_1))?;
    assert_eq!(cluster.sql(PRIMARY, ENCRYPTED)?, "t");
    Ok(())
}

#[test]
fn a_former_primary_is_rewound_over_an_encrypted_way() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _, primary, _replica) = verifying()?;
    cluster.lose_primary(primary, "")?;
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    let mut former = cluster.start_with(PRIMARY, VERIFYING)?;
    former.until("it streams", || cluster.streams(REPLICA, PRIMARY))?;
    ensure!(former.log().contains("rewound: "), "{}", former.log());
    assert_eq!(cluster.sql(REPLICA, ENCRYPTED)?, "t");
    Ok(())
}

#[test]
fn a_renewed_certificate_is_taken_without_a_restart_and_one_without_its_key_is_not() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, ours, mut primary, mut replica) = verifying()?;
    let first = presented(&cluster, PRIMARY)?;
    ensure!(first.is_some());
    let (second, third) = (signed(&ours)?, signed(&ours)?);
    let mut torn = third.clone();
    torn.key.clone_from(&second.key);
    present(&cluster, &[PRIMARY, REPLICA], &ours, &second)?;
    let started = |pod| cluster.sql(pod, "SELECT pg_postmaster_start_time()");
    let before = (started(PRIMARY)?, started(REPLICA)?);
    for pod in [&mut primary, &mut replica] {
        let name = pod.name;
        pod.until("the new one is presented", || {
            presented(&cluster, name).is_ok_and(|it| it != first)
        })?;
    }
    let taken = presented(&cluster, PRIMARY)?;
    present(&cluster, &[PRIMARY], &ours, &torn)?;
    // Whoever reads it notices; where nobody can tell, the server keeps what it has.
    if std::path::Path::new("/usr/bin/openssl").exists() {
        let log = || {
            primary
                .log()
                .contains("the new one of the Secret is not taken")
        };
        wait_until("it is said", || Ok(log()))?;
    }
    assert_eq!(presented(&cluster, PRIMARY)?, taken);
    assert_eq!((started(PRIMARY)?, started(REPLICA)?), before);
    ensure!(cluster.streams(PRIMARY, REPLICA));
    // One change of the volume is one change here.
    let log = replica.log();
    let taken = log.matches("the Secret has another certificate now");
    assert_eq!(taken.count(), 1, "{log}");
    Ok(())
}

/// While a cluster is given certificates, or they are taken from it, pods of both kinds run at once, and each may be
/// the primary.
#[test]
fn a_pod_that_verifies_follows_one_that_only_offers_and_the_reverse() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let nothing: &[(&str, &str)] = &[];
    for (of_primary, of_replica, lets_in) in
        [(nothing, VERIFYING, true), (VERIFYING, nothing, false)]
    {
        let cluster = Cluster::stopped()?;
        let ours = authority("ours")?;
        present(&cluster, &[PRIMARY, REPLICA], &ours, &signed(&ours)?)?;
        let _primary = cluster.start_with(PRIMARY, of_primary)?;
        let mut replica = cluster.start_with(REPLICA, of_replica)?;
        replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
        assert_eq!(cluster.sql(PRIMARY, ENCRYPTED)?, "t");
        assert_eq!(lets_in_without(&cluster, PRIMARY)?, lets_in);
    }
    // And one without a certificate goes on following one that offers.
    let cluster = Cluster::stopped()?;
    let ours = authority("ours")?;
    present(&cluster, &[PRIMARY], &ours, &signed(&ours)?)?;
    let _primary = cluster.start(PRIMARY)?;
    let mut replica = cluster.start(REPLICA)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))?;
    assert_eq!(cluster.sql(REPLICA, "SHOW ssl")?, "off");
    Ok(())
}

#[test]
fn a_pod_whose_certificate_cannot_be_used_waits_and_goes_on_by_itself() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let ours = authority("ours")?;
    let certificate = signed(&ours)?;
    // As an issuer that names no authority leaves it.
    let files = [
        ("tls.crt", certificate.certificate.as_str()),
        ("tls.key", certificate.key.as_str()),
    ];
    cluster.present(PRIMARY, &files)?;
    let mut primary = cluster.start_with(PRIMARY, VERIFYING)?;
    primary.waits_for("bad-certificate")?;
    present(&cluster, &[PRIMARY], &ours, &certificate)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    Ok(())
}
