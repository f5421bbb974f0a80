//! Do the Services lead where they should?

use super::finding::{FindingCode, HealthFinding, ObjectRef, Severity};
use crate::cluster::names;
use crate::cluster::{
    CLOSED_BY, ObjectKind, Role, ServiceEndpoint, ServiceFacts, ServicePurpose, Snapshot,
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    // Without the list of Services or EndpointSlices "leads to nothing" would be a lie.
    let unseen =
        [ObjectKind::Services, ObjectKind::EndpointSlices].map(|what| snapshot.unseen(what));
    if unseen.iter().any(Option::is_some) {
        return;
    }
    write(snapshot, findings);
    read(snapshot, findings);
}

fn object(service: &ServiceFacts) -> ObjectRef {
    ObjectRef::new("service", &service.name)
}

fn cluster(snapshot: &Snapshot) -> ObjectRef {
    ObjectRef::new("cluster", &snapshot.cluster.to_string())
}

fn named(endpoint: &ServiceEndpoint) -> &str {
    endpoint.pod.as_deref().unwrap_or(&endpoint.address)
}

/// The role of what an endpoint leads to; unknown when the pod does not say, none when it is no
/// pod of this cluster.
fn role(snapshot: &Snapshot, endpoint: &ServiceEndpoint) -> Option<Role> {
    let by_name = endpoint
        .pod
        .as_deref()
        .and_then(|pod| snapshot.instance(pod));
    let by_address = || {
        snapshot
            .instances
            .iter()
            .find(|instance| instance.pod.ip.as_deref() == Some(endpoint.address.as_str()))
    };
    by_name
        .or_else(by_address)
        .map(crate::cluster::Instance::role)
}

fn write(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let namespace = &snapshot.cluster.namespace;
    let Some(service) = snapshot.service(ServicePurpose::Write) else {
        findings.push(
            HealthFinding::critical(
                FindingCode::WriteServiceEmpty,
                cluster(snapshot),
                "there is no Service for writes",
            )
            .why("clients have no address that follows the primary")
            .next(format!("kubectl -n {namespace} get services --show-labels")),
        );
        return;
    };
    let look = format!(
        "kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={} -o wide",
        service.name
    );
    let ready: Vec<&ServiceEndpoint> = service.endpoints.iter().filter(|e| e.ready).collect();
    if let Some(operation) = service.closed_by()
        && ready.is_empty()
    {
        findings.push(closed(snapshot, service, operation));
        return;
    }
    if ready.is_empty() {
        let waiting: Vec<&str> = service.endpoints.iter().map(named).collect();
        let why = match (waiting.is_empty(), snapshot.primary()) {
            (false, _) => format!("{} is selected, but not ready", waiting.join(", ")),
            (true, Some(primary)) => format!(
                "its selector does not match {}, which is primary",
                primary.name()
            ),
            (true, None) => "no pod that it selects is there".to_owned(),
        };
        findings.push(
            HealthFinding::critical(
                FindingCode::WriteServiceEmpty,
                object(service),
                "the write Service leads to nothing: clients can't connect",
            )
            .why(why)
            .next(look),
        );
        return;
    }
    for endpoint in ready {
        let (severity, what) = match role(snapshot, endpoint) {
            Some(Role::Primary) => continue,
            Some(Role::Standby) => (
                Severity::Critical,
                format!(
                    "the write Service leads to {}, a standby: writes fail",
                    named(endpoint)
                ),
            ),
            // The pod itself is a finding of its own; what the Service does is not known to be wrong.
            Some(Role::Unknown) if snapshot.primaries().next().is_none() => continue,
            Some(Role::Unknown) => (
                Severity::Warning,
                format!(
                    "the write Service leads to {}, which does not answer",
                    named(endpoint)
                ),
            ),
            None => (
                Severity::Critical,
                format!(
                    "the write Service leads to {}, which is no pod of this cluster",
                    named(endpoint)
                ),
            ),
        };
        let why = match snapshot.primary() {
            Some(primary) => format!("the primary is {}", primary.name()),
            None => "no pod is known to be primary".to_owned(),
        };
        let mut finding = HealthFinding::new(
            severity,
            FindingCode::WriteServiceAstray,
            object(service),
            what,
        )
        .why(why)
        .next(look.clone());
        if role(snapshot, endpoint) == Some(Role::Standby) && snapshot.primary().is_some() {
            // A failover leads clients to its candidate before it stops the old primary.
            let flags = format!("-n {namespace} --cluster {}", snapshot.cluster.name);
            finding = finding
                .next(format!(
                    "to lead clients back after an interrupted failover: pgctl failover --abort {flags}"
                ))
                .next(format!("or to finish it: pgctl failover --resume {flags}"));
        }
        findings.push(finding);
    }
}

/// An operation has closed it, and has not opened it yet.
fn closed(snapshot: &Snapshot, service: &ServiceFacts, operation: &str) -> HealthFinding {
    let cluster = &snapshot.cluster;
    // An operation's id begins with its command.
    let kind = operation.split('-').next().unwrap_or_default();
    let on = format!("-n {} --cluster {}", cluster.namespace, cluster.name);
    HealthFinding::critical(
        FindingCode::WriteServiceEmpty,
        object(service),
        format!("the write Service is closed by {operation}: clients can't connect"),
    )
    .why(format!(
        "a {kind} opens it when what it has done is proven, or was put back"
    ))
    .next(format!("when nobody is at it: pgctl {kind} --resume {on}"))
    .next(format!("or put it back: pgctl {kind} --abort {on}"))
    .next(format!(
        "when pgctl history has no such operation, and the primary has the right data: kubectl -n {} patch service {} --type merge -p '{{\"spec\":{{\"selector\":{{\"{CLOSED_BY}\":null}}}}}}'",
        cluster.namespace, service.name
    ))
}

fn read(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let namespace = &snapshot.cluster.namespace;
    let Some(service) = snapshot.service(ServicePurpose::Read) else {
        if snapshot.standbys_wanted() > 0 {
            findings.push(
                HealthFinding::warning(
                    FindingCode::ReadServiceEmpty,
                    cluster(snapshot),
                    "there is no Service for reads",
                )
                .next(format!("kubectl -n {namespace} get services --show-labels")),
            );
        }
        return;
    };
    if !service.endpoints.iter().any(|endpoint| endpoint.ready) && snapshot.standbys_wanted() > 0 {
        findings.push(
            HealthFinding::warning(
                FindingCode::ReadServiceEmpty,
                object(service),
                "the read Service leads to nothing: readers can't connect",
            )
            .why("no standby that it selects is ready")
            .next(format!(
                "kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={} -o wide",
                service.name
            )),
        );
    }
    for endpoint in service.endpoints.iter().filter(|endpoint| endpoint.ready) {
        if role(snapshot, endpoint) != Some(Role::Primary) {
            continue;
        }
        let idle = idle(snapshot, service);
        let what = format!("the read Service leads to {}, a primary", named(endpoint));
        let (what, why) = if idle.is_empty() {
            (what, "its readers take from what writers need".to_owned())
        } else {
            let idle = idle.join(", ");
            (
                format!("{what}, and not to {idle}"),
                "its readers take from what writers need, and a standby serves nobody".to_owned(),
            )
        };
        let finding =
            HealthFinding::note(FindingCode::ReadServiceAstray, object(service), what).why(why);
        findings.push(if idle.is_empty() {
            finding
        } else {
            // What a failover does, when nobody has taken it back.
            finding.next(format!(
                "kubectl -n {namespace} patch service {} --type merge -p '{{\"spec\":{{\"selector\":{{\"{}\":null}}}}}}'",
                service.name,
                names::COMPONENT
            ))
        });
    }
}

/// Standbys that could serve reads, and that the Service does not lead to.
fn idle<'a>(snapshot: &'a Snapshot, service: &ServiceFacts) -> Vec<&'a str> {
    snapshot
        .standbys()
        .filter(|it| it.pod.ready)
        .map(crate::cluster::Instance::name)
        .filter(|name| {
            !service
                .endpoints
                .iter()
                .any(|to| to.ready && to.pod.as_deref() == Some(name))
        })
        .collect()
}
