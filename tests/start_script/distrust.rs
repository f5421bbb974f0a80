//! Servers that can't be verified, and certificates that nobody could: no second primary, no lost one, and a server that goes
//! on with what it has.

use std::path::Path;

use crate::certificates::{
    VERIFYING, authority, present, presented, signed, signed_for, verifying,
};
use crate::pod::{Cluster, PRIMARY, Pod, REPLICA, skipped, wait_until};
use anyhow::{Result, ensure};
use pgctl_sandbox::certificates::{CertificateAuthority, Lifetime};

/// The one that the Secret has is taken, or not: each time a line.
const TAKEN: &str = "the Secret has another certificate now";
const NOT_TAKEN: &str = "is not taken: ";

/// Without it nobody can look at a certificate before PostgreSQL does.
fn has_openssl() -> bool {
    Path::new("/usr/bin/openssl").exists()
}

/// The Secret of both pods has an expired certificate, and both servers present it.
fn let_expire(cluster: &Cluster, ours: &CertificateAuthority, pods: [&mut Pod; 2]) -> Result<()> {
    let expired = signed_for(ours, Lifetime::Expired)?;
    let names = pods.each_ref().map(|it| it.name);
    let before = [presented(cluster, names[0])?, presented(cluster, names[1])?];
    present(cluster, &names, ours, &expired)?;
    for (pod, before) in pods.into_iter().zip(before) {
        let name = pod.name;
        pod.until("the expired one is presented", || {
            presented(cluster, name).is_ok_and(|it| it != before)
        })?;
    }
    Ok(())
}

#[test]
fn a_successor_whose_certificate_has_expired_fences_the_old_primary_no_less() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, ours, primary, mut replica) = verifying()?;
    primary.stop()?;
    // Longer ago than a topology can be old: the word of the successor alone counts.
    let mut settled = VERIFYING.to_vec();
    settled.push(("PG_TOPOLOGY_STALE_SECONDS", "0"));
    let mut primary = cluster.start_with(PRIMARY, &settled)?;
    primary.until("it is followed", || cluster.streams(PRIMARY, REPLICA))?;
    let_expire(&cluster, &ours, [&mut primary, &mut replica])?;
    cluster.sql(REPLICA, "SELECT pg_promote()")?; // by hand, the worst way
    cluster.topology(&[("primary", REPLICA), ("term", "1")])?;
    // No data is taken from a server that can't be verified.
    primary.waits_for("rewind-delayed")?;
    ensure!(!cluster.writable(PRIMARY), "{}", primary.log());
    let log = primary.log();
    ensure!(log.contains("To mend it, renew the certificate"), "{log}");
    present(&cluster, &[PRIMARY, REPLICA], &ours, &signed(&ours)?)?;
    primary.until("it follows its successor", || {
        cluster.streams(REPLICA, PRIMARY)
    })
}

#[test]
fn a_primary_comes_back_after_a_crash_also_when_its_certificate_has_expired() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, ours, mut primary, mut replica) = verifying()?;
    let_expire(&cluster, &ours, [&mut primary, &mut replica])?;
    primary.kill()?;
    let mut primary = cluster.restart_with(PRIMARY, VERIFYING)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let log = primary.log();
    ensure!(log.contains("cannot be verified; what it says"), "{log}");
    // Nor does a new pod wait for another one, that nobody may give it for hours; both at once crash no less.
    primary.kill()?;
    replica.kill()?;
    let mut primary = cluster.start_with(PRIMARY, VERIFYING)?;
    let mut replica = cluster.start_with(REPLICA, VERIFYING)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    present(&cluster, &[PRIMARY, REPLICA], &ours, &signed(&ours)?)?;
    replica.until("it streams", || cluster.streams(PRIMARY, REPLICA))
}

/// Who can't be verified proves by his login that he knows our roles, and is believed then.
#[test]
fn who_cannot_be_verified_is_not_taken_for_absent() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (cluster, _, primary, _replica) = verifying()?;
    cluster.lose_primary(primary, "")?;
    // The topology here is old, and the pod's own authority another one.
    let theirs = authority("theirs")?;
    present(&cluster, &[PRIMARY], &theirs, &signed(&theirs)?)?;
    let mut former = cluster.start_with(PRIMARY, VERIFYING)?;
    former.waits_for("other-primary")?;
    ensure!(!cluster.writable(PRIMARY));
    former.stop()?;
    // Somebody else, for all that is known: he may be anything, and a new pod in his place would be no better.
    let strange = ["replicator", "postgres"].map(|it| format!("ALTER ROLE {it} PASSWORD 'x'"));
    cluster.sql(REPLICA, &strange.join("; "))?;
    let mut former = cluster.start_with(PRIMARY, VERIFYING)?;
    former.waits_for("peers-unclear")?;
    let log = former.log();
    ensure!(log.contains("To mend it, renew the certificate"), "{log}");
    ensure!(!log.contains("delete pod"), "{log}");
    ensure!(!cluster.writable(PRIMARY));
    Ok(())
}

#[test]
fn a_certificate_that_would_lock_everybody_out_is_not_taken() -> Result<()> {
    if skipped() || !has_openssl() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let (ours, theirs) = (authority("ours")?, authority("theirs")?);
    let digestless = CertificateAuthority::generate_without_digest("digestless")?;
    present(&cluster, &[PRIMARY], &ours, &signed(&ours)?)?;
    let mut primary = cluster.start_with(PRIMARY, VERIFYING)?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let first = presented(&cluster, PRIMARY)?;
    for (authority, signer, why) in [
        // Nobody has a digest to bind a login to.
        (&digestless, &digestless, "signed with ED25519"),
        // Nobody could verify it.
        (&ours, &theirs, "its ca.crt has not signed its tls.crt"),
        (&theirs, &ours, "its ca.crt has not signed its tls.crt"),
    ] {
        let before = primary.log().len();
        present(&cluster, &[PRIMARY], authority, &signed(signer)?)?;
        let mut said = String::new();
        wait_until(why, || {
            said = primary.log().get(before..).unwrap_or_default().to_owned();
            Ok(said.contains(NOT_TAKEN))
        })?;
        ensure!(said.contains(why), "{said}");
        assert_eq!(presented(&cluster, PRIMARY)?, first);
    }
    present(&cluster, &[PRIMARY], &ours, &signed(&ours)?)?;
    primary.until("the right one is presented", || {
        presented(&cluster, PRIMARY).is_ok_and(|it| it != first)
    })?;
    let log = primary.log();
    assert_eq!(log.matches(NOT_TAKEN).count(), 3, "{log}");
    assert_eq!(log.matches(TAKEN).count(), 1, "{log}");
    Ok(())
}

#[test]
fn where_nobody_can_look_at_a_pair_a_server_starts_with_the_last_one_that_it_had() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    let ours = authority("ours")?;
    let first = signed(&ours)?;
    let mut torn = signed(&ours)?;
    torn.key.clone_from(&first.key);
    present(&cluster, &[PRIMARY], &ours, &first)?;
    let start = || match has_openssl() {
        true => cluster.start_without(PRIMARY, "openssl"),
        false => cluster.restart(PRIMARY),
    };
    let mut primary = start()?;
    let kept = cluster.run_dir(PRIMARY).join("tls.proven/tls.crt");
    primary.until("it keeps what PostgreSQL has read", || kept.exists())?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    let presented_first = presented(&cluster, PRIMARY)?;
    present(&cluster, &[PRIMARY], &ours, &torn)?;
    wait_until("PostgreSQL has looked at the other one", || {
        Ok(primary.log().contains("SSL configuration was not reloaded"))
    })?;
    primary.kill()?;
    let mut primary = start()?;
    primary.until("it accepts writes again", || cluster.writable(PRIMARY))?;
    assert_eq!(presented(&cluster, PRIMARY)?, presented_first);
    let log = primary.log();
    ensure!(
        log.contains("starting with the certificate that PostgreSQL had last"),
        "{log}"
    );
    present(&cluster, &[PRIMARY], &ours, &signed(&ours)?)?;
    primary.until("the next one is presented", || {
        presented(&cluster, PRIMARY).is_ok_and(|it| it != presented_first)
    })
}

/// The manifests say that there is a certificate; a folder of that name does not.
#[test]
fn somebodys_own_folder_of_that_name_is_no_certificate() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::stopped()?;
    cluster.present(PRIMARY, &[("tls.crt", "somebody's own")])?;
    let mut primary = cluster.start_with(PRIMARY, &[("PG_TLS_DIR", "")])?;
    primary.until("it accepts writes", || cluster.writable(PRIMARY))?;
    assert_eq!(cluster.sql(PRIMARY, "SHOW ssl")?, "off");
    ensure!(!cluster.run_dir(PRIMARY).join("tls").exists());
    Ok(())
}
