//! Do the servers' certificates still prove anything?

use jiff::SignedDuration;

use super::finding::{FindingCode, HealthFinding, ObjectRef};
use crate::cluster::words::{self, moment};
use crate::cluster::{Instance, Snapshot};

/// So long before it expires a certificate is worth telling: what renews it by itself does so earlier (cert-manager: when a third of its
/// time is left, 30 days of 90).
const SOON: SignedDuration = SignedDuration::from_hours(21 * 24);
/// So long a renewed one may take to be read: the kubelet's sync period and its cache, and the start script's look.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    for instance in &snapshot.instances {
        findings.extend(expires(snapshot, instance));
        findings.extend(not_taken(snapshot, instance));
    }
}

fn expires(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let at = match instance.facts() {
        Some(facts) => facts.certificate.as_ref()?.expires?,
        None => instance.expired_certificate?,
    };
    let left = at.duration_since(snapshot.taken);
    if left > SOON {
        return None;
    }
    let (code, object) = (
        FindingCode::CertificateExpires,
        ObjectRef::pod(instance.name()),
    );
    let finding = match left.is_positive() {
        true => HealthFinding::warning(
            code,
            object,
            format!(
                "its certificate expires in {}, at {}",
                words::age(left.as_secs()),
                moment(at)
            ),
        ),
        false => HealthFinding::critical(
            code,
            object,
            format!("its certificate expired at {}", moment(at)),
        ),
    };
    Some(
        finding
            .why("then nobody who verifies it connects any more: clients, pgctl, and standbys whose stream breaks off")
            .next("pgctl explain certificate-expires   # how it is renewed"),
    )
}

fn not_taken(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let renewed = instance.facts()?.certificate.as_ref()?.renewed.as_ref()?;
    if snapshot.taken.duration_since(renewed.since) <= ON_ITS_WAY {
        return None;
    }
    let namespace = &snapshot.cluster.namespace;
    Some(
        HealthFinding::warning(
            FindingCode::CertificateNotTaken,
            ObjectRef::pod(instance.name()),
            format!(
                "it still presents the certificate of before: the Secret {} has a newer one",
                renewed.secret
            ),
        )
        .why("the start script takes it over about two minutes after the Secret was changed; when it does not, its log says why")
        .next(format!("pgctl -n {namespace} logs {} --tail 50", instance.name())),
    )
}
