//! Are there as many as wanted, and can there be more?

use super::finding::{Finding, FindingCode, ObjectRef};
use crate::cluster::{Autoscaler, Snapshot};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let namespace = &snapshot.cluster.namespace;
    for set in &snapshot.stateful_sets {
        let (have, word) = if set.existing < set.wanted {
            (set.existing, "exist")
        } else {
            (set.ready, "are ready")
        };
        if have < set.wanted {
            findings.push(
                Finding::warning(
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
        autoscaling(snapshot, autoscaler, findings);
    }
    for unseen in &snapshot.unseen {
        findings.push(Finding::note(
            FindingCode::Unseen,
            ObjectRef::new("cluster", &snapshot.cluster.to_string()),
            format!("not looked at: {unseen}"),
        ));
    }
}

fn autoscaling(snapshot: &Snapshot, autoscaler: &Autoscaler, findings: &mut Vec<Finding>) {
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
            Finding::warning(
                FindingCode::AutoscalerAtMaximum,
                object.clone(),
                format!("it is at its maximum of {} replicas", autoscaler.max),
            )
            .why(why)
            .next(describe.clone()),
        );
    }
    let blind = autoscaler
        .conditions
        .iter()
        .find(|condition| condition.kind == "ScalingActive" && !condition.holds);
    if let Some(condition) = blind {
        findings.push(
            Finding::note(
                FindingCode::AutoscalerBlind,
                object,
                format!("it does not scale: {}", condition.reason),
            )
            .why(condition.message.clone())
            .next(describe),
        );
    }
}
