//! What is said of certificates, on a healthy cluster whose servers have some.

use jiff::SignedDuration;

use super::{damaged, judge, told};
use crate::certificate::Validity;
use crate::cluster::fixture::{self, PRIMARY};
use crate::cluster::health::{FindingCode as Code, Severity};
use crate::cluster::{Database, PresentedCertificate, RenewedCertificate, Snapshot};

/// The primary has one like this.
fn having(certificate: PresentedCertificate) -> Snapshot {
    damaged(|s| fixture::primary(s).certificate = Some(certificate))
}

/// The primary's expires after so long.
fn expiring(after: SignedDuration) -> Snapshot {
    having(counting(None, after))
}

/// From when to when it counts, from now.
fn counting(from: Option<SignedDuration>, to: SignedDuration) -> PresentedCertificate {
    PresentedCertificate {
        expires: Some(fixture::now() + to),
        begins: from.map(|it| fixture::now() + it),
        authority: None,
        renewed: None,
    }
}

/// The Secret has another one that counts since so long.
fn renewed(before: SignedDuration) -> Snapshot {
    having(PresentedCertificate {
        renewed: Some(RenewedCertificate {
            secret: "postgres-tls".into(),
            since: fixture::now() - before,
        }),
        ..counting(None, SignedDuration::from_hours(24 * 90))
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
fn one_that_counts_for_a_short_time_is_told_of_in_its_last_quarter() {
    let day = SignedDuration::from_hours(24);
    let of_a_week = |left: i32| having(counting(Some(day * (left - 7)), day * left));
    assert_eq!(judge(&of_a_week(2)).findings, []);
    let object = format!("pod/{PRIMARY}");
    let (code, severity) = (Code::CertificateExpires, Severity::Warning);
    told(&of_a_week(1), code, severity, &object);
}

#[test]
fn one_that_does_not_count_yet_is_told_with_the_time_of_the_clock_here() {
    let day = SignedDuration::from_hours(24);
    let early = told(
        &having(counting(Some(day), day * 90)),
        Code::CertificateExpires,
        Severity::Critical,
        &format!("pod/{PRIMARY}"),
    );
    assert!(
        early.contains("its certificate is not valid before ")
            && early.contains(", and the clock here says "),
        "{early}"
    );
}

#[test]
fn an_authority_that_expires_is_told_of_although_the_certificate_itself_counts() {
    let day = SignedDuration::from_hours(24);
    let by = |left: SignedDuration| {
        let now = fixture::now();
        having(PresentedCertificate {
            authority: Some(Validity {
                from: now - day * 3600,
                to: now + left,
            }),
            ..counting(Some(-day), day * 90)
        })
    };
    assert_eq!(judge(&by(day * 22)).findings, []);
    let object = format!("pod/{PRIMARY}");
    let code = Code::CertificateExpires;
    let soon = told(&by(day * 20), code, Severity::Warning, &object);
    assert!(
        soon.contains("the authority of its certificate expires in 20d, at "),
        "{soon}"
    );
    let over = told(&by(-day), code, Severity::Critical, &object);
    assert!(
        over.contains("the authority of its certificate expired at "),
        "{over}"
    );
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
