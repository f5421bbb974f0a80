//! Planning a rollout as a whole.

use jiff::Timestamp;

use super::drain_checks::drain_checks;
use super::order::{is_on, reason, standbys, stays};
use super::other_pods::other_pods;
use super::standby_checks::{standby_checks, stuck};
use crate::cluster::{Instance, NameError, PodEncryption, Snapshot, nearest};
use crate::plan::common::{new_standby_checks, one_primary, start_script};
use crate::plan::decision::Decision;
use crate::plan::language::{
    Check, CheckName, CheckVerdict, Circumstances, OperationKind, PodRef, Refusal, RestartReason,
    Restarts, Rollout, RolloutPart, RolloutRequest,
};

/// Plans a rollout: which pods are restarted, in which order, and who takes the role over. `heirs` are the pods that
/// could become primary, the best first.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_rollout(
    snapshot: &Snapshot,
    request: &RolloutRequest,
    heirs: &[&str],
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Rollout, Refusal> {
    let mut decision = Decision::new(OperationKind::Rollout, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    checks.extend([
        one_primary(snapshot),
        start_script(snapshot),
        revisions(snapshot),
    ]);
    let only = match target(snapshot, request) {
        Ok((only, check)) => {
            checks.extend(check);
            only
        }
        Err(check) => {
            checks.push(check);
            None
        }
    };
    let primary = snapshot.primary();
    let concerned = |it: &Instance| only.is_none_or(|only| only.name() == it.name());
    let handed_over = primary.filter(|it| concerned(it)).and_then(|it| {
        let reason = reason(snapshot, it, request)?;
        Some((it, reason))
    });
    let (heir, is_elsewhere) = heir(snapshot, request, heirs);
    let restarted: Vec<(&Instance, RestartReason)> = standbys(snapshot, request, heir)
        .into_iter()
        .filter(|(it, _)| concerned(it))
        .collect();
    let mut parts: Vec<RolloutPart> = restarted
        .iter()
        .filter_map(|(it, reason)| restart(snapshot, it, *reason))
        .collect();
    if !parts.is_empty() {
        checks.extend(new_standby_checks(snapshot));
        checks.extend(stuck(snapshot));
    }
    let of_node = drain_checks(snapshot, request, circumstances);
    let of_pods = restarted.iter().map(|(it, _)| standby_checks(snapshot, it));
    checks.extend(worst(std::iter::once(of_node).chain(of_pods)));
    checks.extend(other_pods(&snapshot.cluster, request, circumstances));
    if let Some((primary, _)) = handed_over {
        match heir {
            Some(heir) => {
                checks.extend(older_heir(snapshot, only, heir));
                let part = RolloutPart::HandOver {
                    from: primary.name().to_owned(),
                    to: heir.to_owned(),
                };
                // Away from a node that is to go before anything else.
                let first = request.node.is_some() && is_elsewhere;
                parts.insert(if first { 0 } else { parts.len() }, part);
                if request.back {
                    parts.push(RolloutPart::HandBack {
                        from: heir.to_owned(),
                        to: primary.name().to_owned(),
                    });
                }
            }
            None => checks.push(
                Check::refuse(
                    CheckName::Target,
                    format!(
                        "no standby could become primary while {} restarts",
                        primary.name()
                    ),
                )
                .next(match &request.node {
                    None => "pgctl failover --dry-run   # says why; pgctl rollout --pod POD restarts a standby alone",
                    Some(_) => "pgctl failover --dry-run   # says why",
                }),
            ),
        }
    }
    let (id, made) = (decision.id.clone(), decision.made());
    let checks = decision.verdict()?;
    Ok(Rollout {
        id,
        cluster: snapshot.cluster.clone(),
        made,
        request: RolloutRequest {
            restarts: fixed(snapshot, request),
            ..request.clone()
        },
        checks,
        parts,
    })
}

/// Who becomes primary, the best first, and whether that is on another node than the one that is emptied: such a pod is
/// preferred, because the role leaves the node at once.
fn heir<'a>(
    snapshot: &Snapshot,
    request: &RolloutRequest,
    heirs: &[&'a str],
) -> (Option<&'a str>, bool) {
    let elsewhere = |pod: &&str| {
        let instance = snapshot.instance(pod);
        let node = request.node.as_deref().unwrap_or_default();
        instance.is_some_and(|it| !is_on(it, node))
    };
    match heirs.iter().copied().find(elsewhere) {
        Some(pod) => (Some(pod), true),
        None => (heirs.first().copied(), false),
    }
}

/// The part in which a standby is restarted.
fn restart(snapshot: &Snapshot, instance: &Instance, reason: RestartReason) -> Option<RolloutPart> {
    let set = snapshot.set_of(instance)?;
    Some(RolloutPart::Restart {
        pod: PodRef::of(instance),
        reason,
        revision: set.revision.clone()?,
        image_before: instance.pod.image.clone(),
        image: set.image.clone(),
    })
}

/// All that are there now, when all are asked for: whoever comes later is new anyway.
fn fixed(snapshot: &Snapshot, request: &RolloutRequest) -> Restarts {
    match &request.restarts {
        // Whoever comes to a node that is emptied goes, too.
        Restarts::All if request.node.is_some() => Restarts::All,
        Restarts::All => Restarts::These(snapshot.instances.iter().map(PodRef::of).collect()),
        other => other.clone(),
    }
}

/// Pods that verify follow no primary that has no certificate: the one comes before the other, and goes after it.
fn stranger(snapshot: &Snapshot) -> Option<Check> {
    use PodEncryption::{Demanded, None as Nothing};
    let against = |made: PodEncryption, there: PodEncryption| {
        let mut sets = snapshot.stateful_sets.iter();
        let set = sets.find(|it| it.encryption == made)?;
        let mut pods = snapshot.instances.iter();
        let pod = pods.find(|it| it.pod.encryption == there && !it.pod.has_ended())?;
        Some((set.name.as_str(), pod.name()))
    };
    let why = match (against(Demanded, Nothing), against(Nothing, Demanded)) {
        (Some((set, pod)), _) => format!(
            "pods of {set} would verify the others from now on (PG_SSLMODE), and {pod} has no certificate yet: they could not follow it"
        ),
        (None, Some((set, pod))) => format!(
            "pods of {set} would have no certificate any more, and {pod} verifies the others (PG_SSLMODE): it could not follow them"
        ),
        (None, None) => return None,
    };
    Some(Check::refuse(CheckName::Revision, why).next(
        "apply deploy/components/tls-offered first, in the place of what is there, and give the command again (docs/runbooks/tls.md)",
    ))
}

/// What pods were made from, and would be made from now, is known of all that stay.
fn revisions(snapshot: &Snapshot) -> Check {
    let name = CheckName::Revision;
    let unseen: Vec<&str> = snapshot
        .stateful_sets
        .iter()
        .filter(|set| set.revision.is_none())
        .map(|set| set.name.as_str())
        .collect();
    if !unseen.is_empty() {
        return Check::refuse(
            name,
            format!(
                "Kubernetes has not seen the last change of {} yet: what its pods would be made from is not known",
                unseen.join(" and ")
            ),
        )
        .next(format!(
            "give the command again in a moment; kubectl -n {} describe statefulset {} when that goes on",
            snapshot.cluster.namespace, unseen[0]
        ));
    }
    if let Some(stranger) = stranger(snapshot) {
        return stranger;
    }
    let rolling: Vec<&str> = snapshot
        .stateful_sets
        .iter()
        .filter(|set| !set.on_delete)
        .map(|set| set.name.as_str())
        .collect();
    let unknown: Vec<&str> = snapshot
        .instances
        .iter()
        .filter(|it| stays(snapshot, it) && snapshot.is_older(it).is_none())
        .map(Instance::name)
        .collect();
    let older = snapshot.older_pods().count();
    if !rolling.is_empty() && older > 0 {
        return Check::refuse(
            name,
            format!(
                "Kubernetes restarts the pods of {} by itself (updateStrategy RollingUpdate): both would be at it at once",
                rolling.join(" and ")
            ),
        )
        .next(format!(
            r#"kubectl -n {} patch statefulset {} --type merge -p '{{"spec":{{"updateStrategy":{{"type":"OnDelete","rollingUpdate":null}}}}}}'"#,
            snapshot.cluster.namespace, rolling[0]
        ));
    }
    if !unknown.is_empty() {
        return Check::warn(
            name,
            format!(
                "what {} was made from is not known: it counts as up to date",
                unknown.join(", ")
            ),
        );
    }
    Check::pass(
        name,
        match older {
            0 => "every pod was made from the present template".to_owned(),
            1 => "1 pod was made from an older template".to_owned(),
            count => format!("{count} pods were made from an older template"),
        },
    )
}

/// The one pod that is asked for, when one is.
fn target<'a>(
    snapshot: &'a Snapshot,
    request: &RolloutRequest,
) -> Result<(Option<&'a Instance>, Option<Check>), Check> {
    let Some(given) = &request.pod else {
        return Ok((None, None));
    };
    match snapshot.resolve(given) {
        Ok(instance) => {
            let check = Check::pass(CheckName::Target, format!("{} is meant", instance.name()));
            Ok((Some(instance), Some(check)))
        }
        Err(error) => {
            let check = Check::refuse(CheckName::Target, error.to_string());
            let (NameError::Unknown { candidates, .. } | NameError::Ambiguous { candidates, .. }) =
                &error;
            Err(
                match nearest(given, candidates.iter().map(String::as_str)) {
                    Some(pod) => check.next(format!("pgctl rollout --pod {pod}")),
                    None => check.next("pgctl status"),
                },
            )
        }
    }
}

/// When the primary alone is restarted its heir stays as it is.
fn older_heir(snapshot: &Snapshot, only: Option<&Instance>, heir: &str) -> Option<Check> {
    only?;
    let older = snapshot.is_older(snapshot.instance(heir)?)?;
    older.then(|| {
        Check::refuse(
            CheckName::Target,
            format!("{heir} would become primary, and runs an older revision itself"),
        )
        .next("pgctl rollout   # restarts the standbys first")
    })
}

/// Of the checks of several pods those that say most, one of each name.
fn worst(of_pods: impl Iterator<Item = Vec<Check>>) -> Vec<Check> {
    let mut worst: Vec<Check> = Vec::new();
    for check in of_pods.flatten() {
        match worst.iter_mut().find(|it| it.check == check.check) {
            Some(known) if rank(&check) > rank(known) => *known = check,
            Some(_) => {}
            None => worst.push(check),
        }
    }
    worst
}

fn rank(check: &Check) -> u8 {
    match check.verdict {
        CheckVerdict::Pass => 0,
        CheckVerdict::Warn => 1,
        CheckVerdict::Refuse => 2,
    }
}
