//! What is said of certificates, on a healthy cluster whose servers have some.

use jiff::SignedDuration;

use super::{damaged, judge, told};
use crate::cluster::fixture::{self, PRIMARY};
use crate::cluster::health::{FindingCode as Code, Severity};
use crate::cluster::{Database, PresentedCertificate, RenewedCertificate, Snapshot};

/// The primary's expires after so long.
fn expiring(after: SignedDuration) -> Snapshot {
    damaged(|s| {
        fixture::primary(s).certificate = Some(PresentedCertificate {
            expires: Some(fixture::now() + after),
            renewed: None,
        });
    })
}

/// The Secret has another one that counts since so long.
fn renewed(before: SignedDuration) -> Snapshot {
    damaged(|s| {
        fixture::primary(s).certificate = Some(PresentedCertificate {
            expires: Some(fixture::now() + SignedDuration::from_hours(24 * 90)),
            renewed: Some(RenewedCertificate {
                secret: "postgres-tls".into(),
                since: fixture::now() - before,
            }),
        });
    })
}

#[test]
fn three_weeks_before_it_expires_a_person_is_told_and_when_it_has_at_once() {
    let object = format!("pod/{PRIMARY}");
    let day = SignedDuration::from_hours(24);
    assert_eq!(judge(&expiring(day * 22)).findings, []);
    let soon = told(
        &expiring(day * 20),
        Code::CertificateExpires,
        Severity::Warning,
        &object,
    );
    assert!(
        soon.contains("its certificate expires in 20d, at "),
        "{soon}"
    );
    let over = told(
        &expiring(-day),
        Code::CertificateExpires,
        Severity::Critical,
        &object,
    );
    assert!(over.contains("its certificate expired at "), "{over}");
    let now = expiring(SignedDuration::ZERO);
    told(&now, Code::CertificateExpires, Severity::Critical, &object);
}

#[test]
fn a_server_that_is_not_asked_because_its_certificate_has_expired_is_told_of_likewise() {
    let snapshot = damaged(|s| {
        let primary = s.instances.iter_mut().find(|it| it.name() == PRIMARY);
        let primary = primary.expect("it is there");
        primary.database = Database::Unreachable {
            reason: "its certificate is not trusted".into(),
            alive: true,
        };
        primary.expired_certificate = Some(fixture::now() - SignedDuration::from_hours(1));
    });
    let object = format!("pod/{PRIMARY}");
    told(
        &snapshot,
        Code::CertificateExpires,
        Severity::Critical,
        &object,
    );
}

#[test]
fn a_renewed_certificate_has_ten_minutes_to_be_taken() {
    assert_eq!(judge(&renewed(SignedDuration::from_mins(9))).findings, []);
    let late = told(
        &renewed(SignedDuration::from_mins(11)),
        Code::CertificateNotTaken,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(
        late.contains("the Secret postgres-tls has a newer one"),
        "{late}"
    );
}
