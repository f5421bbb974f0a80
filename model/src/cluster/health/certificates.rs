//! Do the servers' certificates still prove anything?

use jiff::{SignedDuration, Timestamp};

use super::finding::{FindingCode, HealthFinding, ObjectRef};
use crate::cluster::words::{self, moment};
use crate::cluster::{Instance, Snapshot};

/// So long before it expires a certificate is worth telling: what renews it by itself does so earlier (cert-manager: when a third of its
/// time is left, 30 days of 90). Of one that counts for a short time only, it is what is left of the last quarter.
const SOON: SignedDuration = SignedDuration::from_hours(21 * 24);
const LAST_PART: i32 = 4;
/// So long a renewed one may take to be read: the kubelet's sync period and its cache, and the start script's look.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    for instance in &snapshot.instances {
        findings.extend(expires(snapshot, instance));
        findings.extend(not_taken(snapshot, instance));
    }
}

/// From when to when something counts.
struct Term {
    what: &'static str,
    from: Option<Timestamp>,
    to: Timestamp,
}

impl Term {
    fn is_nearly_over(&self, now: Timestamp) -> bool {
        let whole = self.from.map(|from| self.to.duration_since(from));
        let last = whole.map_or(SOON, |it| SOON.min(it / LAST_PART));
        self.to.duration_since(now) <= last
    }
}

/// What has to count for a server's certificate to prove something.
fn terms(instance: &Instance) -> Vec<Term> {
    const OWN: &str = "its certificate";
    let Some(facts) = instance.facts() else {
        let expired = instance.expired_certificate.map(|to| Term {
            what: OWN,
            from: None,
            to,
        });
        return expired.into_iter().collect();
    };
    let Some(certificate) = &facts.certificate else {
        return Vec::new();
    };
    let own = certificate.expires.map(|to| Term {
        what: OWN,
        from: certificate.begins,
        to,
    });
    let authority = certificate.authority.map(|it| Term {
        what: "the authority of its certificate",
        from: Some(it.from),
        to: it.to,
    });
    own.into_iter().chain(authority).collect()
}

fn expires(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let now = snapshot.taken;
    let (code, object) = (
        FindingCode::CertificateExpires,
        ObjectRef::pod(instance.name()),
    );
    let terms = terms(instance);
    let early = terms.iter().find(|it| it.from.is_some_and(|at| at > now));
    let over = terms.iter().filter(|it| it.is_nearly_over(now));
    let over = over.min_by_key(|it| it.to);
    let finding = match (over, early) {
        (Some(Term { what, to, .. }), _) if *to > now => HealthFinding::warning(
            code,
            object,
            format!(
                "{what} expires in {}, at {}",
                words::age(to.duration_since(now).as_secs()),
                moment(*to)
            ),
        ),
        (Some(Term { what, to, .. }), _) => {
            HealthFinding::critical(code, object, format!("{what} expired at {}", moment(*to)))
        }
        (None, Some(Term { what, from, .. })) => HealthFinding::critical(
            code,
            object,
            format!(
                "{what} is not valid before {}, and the clock here says {}",
                from.map(moment).unwrap_or_default(),
                moment(now)
            ),
        ),
        (None, None) => return None,
    };
    Some(
        finding
            .why("then nobody who verifies it connects any more: clients, and standbys whose stream breaks off")
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
