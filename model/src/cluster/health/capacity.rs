//! Are there as many as wanted, and can there be more?

use super::finding::{FindingCode, HealthFinding, ObjectRef, Severity};
use crate::cluster::{Autoscaler, Component, ObjectKind, PAUSED_BOUNDS, Snapshot};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let namespace = &snapshot.cluster.namespace;
    for set in &snapshot.stateful_sets {
        let (have, word) = if set.existing < set.wanted {
            (set.existing, "exist")
        } else {
            (set.ready, "are ready")
        };
        if have < set.wanted {
            findings.push(
                HealthFinding::warning(
                    FindingCode::ReplicasMissing,
                    ObjectRef::new("statefulset", &set.name),
                    format!("{have} of {} pods {word}", set.wanted),
                )
                .next(format!(
                    "kubectl -n {namespace} describe statefulset {}",
                    set.name
                )),
            );
        }
    }
    if let Some(autoscaler) = &snapshot.autoscaler {
        findings.extend(may_delete_primary(snapshot, autoscaler));
        if let Some((why, next)) = autoscaler.contested(namespace) {
            findings.push(
                HealthFinding::warning(
                    FindingCode::SeveralAutoscalers,
                    ObjectRef::new("hpa", &autoscaler.name),
                    why,
                )
                .next(next),
            );
        }
        autoscaling(snapshot, autoscaler, findings);
    }
    for unseen in &snapshot.unseen {
        // Whether clients can write is the half of a verdict: without it there is none.
        let severity = match unseen.what {
            ObjectKind::Services | ObjectKind::EndpointSlices | ObjectKind::Authority => {
                Severity::Warning
            }
            _ => Severity::Note,
        };
        let finding = HealthFinding::new(
            severity,
            FindingCode::Unseen,
            ObjectRef::new("cluster", &snapshot.cluster.to_string()),
            format!("not looked at: {unseen}"),
        );
        findings.push(match unseen.what {
            ObjectKind::Authority => finding.why(
                "pgctl asks the servers all the same, encrypted where they encrypt, and verifies nobody; standbys and clients that verify may be locked out (docs/runbooks/tls.md)",
            ),
            _ => finding,
        });
    }
}

/// Bounds that let the autoscaler take the primary away: a failover has raised the minimum, and
/// somebody has applied the manifests again, say.
fn may_delete_primary(snapshot: &Snapshot, autoscaler: &Autoscaler) -> Option<HealthFinding> {
    let set = snapshot.stateful_set(Component::Replica)?;
    let (primary, lowest) = snapshot.primary_among_replicas()?;
    if set.name != autoscaler.target || autoscaler.min >= lowest {
        return None;
    }
    let namespace = &snapshot.cluster.namespace;
    let next = if autoscaler.annotations.contains_key(PAUSED_BOUNDS) {
        // With the pause ends what is remembered, and never below the primary.
        "resume".to_owned()
    } else if autoscaler.max < lowest {
        format!("set --min {lowest} --max {lowest}")
    } else {
        format!("set --min {lowest}")
    };
    Some(
        HealthFinding::critical(
            FindingCode::AutoscalerMayDeletePrimary,
            ObjectRef::new("hpa", &autoscaler.name),
            format!(
                "it may go down to {}, and {primary}, the primary, goes with less than {lowest} pods",
                autoscaler.min
            ),
        )
        .why("its next scale-down deletes the primary: nobody is promoted instead")
        .next(format!("pgctl -n {namespace} hpa {next}")),
    )
}

fn autoscaling(snapshot: &Snapshot, autoscaler: &Autoscaler, findings: &mut Vec<HealthFinding>) {
    let namespace = &snapshot.cluster.namespace;
    let object = ObjectRef::new("hpa", &autoscaler.name);
    let describe = format!("kubectl -n {namespace} describe hpa {}", autoscaler.name);
    // With min = max it is told not to scale.
    let at_maximum = autoscaler.max > autoscaler.min
        && autoscaler.current.max(autoscaler.desired) >= autoscaler.max;
    if at_maximum {
        let pressed: Vec<String> = autoscaler
            .metrics
            .iter()
            .filter_map(|metric| {
                let (now, target) = (metric.current_percent?, metric.target_percent?);
                (now >= target).then(|| format!("{} {now}% of {target}%", metric.name))
            })
            .collect();
        let why = if pressed.is_empty() {
            "more load finds no more replicas".to_owned()
        } else {
            format!(
                "{}: the load asks for more than it may add",
                pressed.join(", ")
            )
        };
        findings.push(
            HealthFinding::warning(
                FindingCode::AutoscalerAtMaximum,
                object.clone(),
                format!("it is at its maximum of {} replicas", autoscaler.max),
            )
            .why(why)
            .next(describe.clone()),
        );
    }
    let stuck = autoscaler.conditions.iter().find(|condition| {
        matches!(condition.kind.as_str(), "AbleToScale" | "ScalingActive") && !condition.holds
    });
    if let Some(condition) = stuck {
        findings.push(
            HealthFinding::note(
                FindingCode::AutoscalerBlind,
                object,
                format!("it does not scale: {}", condition.reason),
            )
            .why(condition.message.clone())
            .next(describe),
        );
    }
}
