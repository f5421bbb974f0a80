//! What is true of the running servers and is not of their next start: mistakes in files, settings
//! that wait for a restart, a login that only those still have who are connected.

use super::advice::in_psql;
use super::finding::{FindingCode, HealthFinding, ObjectRef, Severity};
use crate::cluster::suggestion::show_connections;
use crate::cluster::{DatabaseFacts, FileMistake, Instance, RecoverySetting, Snapshot};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    findings.extend(kept_out(snapshot));
    findings.extend(no_connection_left(snapshot));
    mistakes(snapshot, findings);
    findings.extend(no_alter_system(snapshot));
    for instance in &snapshot.instances {
        let Some(facts) = instance.facts() else {
            continue;
        };
        findings.extend(recovery(snapshot, instance, facts));
        findings.extend(pending(snapshot, instance, facts));
    }
}

/// A server that would not let a standby in: the primary, else one that is to become primary.
fn kept_out(snapshot: &Snapshot) -> Option<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let (instance, (reason, sql)) = snapshot
        .primaries()
        .chain(snapshot.standbys())
        .find_map(|it| Some((it, it.facts()?.keeps_standbys_out()?)))?;
    let what = match instance.facts()?.writable() {
        true => "it lets no standby in any more",
        false => "it would let no standby in, were it the primary",
    };
    let finding = HealthFinding::warning(
        FindingCode::StandbysKeptOut,
        ObjectRef::pod(instance.name()),
        format!("{what}: {reason}"),
    )
    .why(
        "streams that are open go on; a standby that restarts, and a former primary, stay outside",
    );
    // A statement goes to the server that takes writes.
    let on = snapshot.primary().map_or(instance.name(), Instance::name);
    Some(match sql {
        Some(sql) => finding.next(in_psql(namespace, on, sql)),
        None => finding.next(format!(
            "{}   # or has it another password? docs/secrets.md",
            in_psql(
                namespace,
                instance.name(),
                "select line_number, type, database, user_name, address, auth_method, error from pg_hba_file_rules",
            )
        )),
    })
}

fn no_connection_left(snapshot: &Snapshot) -> Option<HealthFinding> {
    let primary = snapshot.primary()?;
    let said = primary.facts()?.no_connection_left()?;
    Some(
        HealthFinding::warning(
            FindingCode::ConnectionsExhausted,
            ObjectRef::pod(primary.name()),
            "all its connections are taken: clients are turned away, and so is a standby that starts",
        )
        .why(said)
        .next(show_connections(
            &snapshot.cluster.namespace,
            primary.name(),
        )),
    )
}

/// Pods share their files: what is wrong in several is told once.
fn mistakes(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let mut told: Vec<(&[FileMistake], Vec<&str>)> = Vec::new();
    for instance in &snapshot.instances {
        let mistakes = instance.facts().map_or(&[][..], DatabaseFacts::mistakes);
        if mistakes.is_empty() {
            continue;
        }
        match told.iter_mut().find(|(same, _)| *same == mistakes) {
            Some((_, pods)) => pods.push(instance.name()),
            None => told.push((mistakes, vec![instance.name()])),
        }
    }
    let namespace = &snapshot.cluster.namespace;
    for (mistakes, pods) in told {
        let (Some(first), Some(mistake)) = (pods.first(), mistakes.first()) else {
            continue;
        };
        let more = match mistakes.len() {
            1 => String::new(),
            number => format!(", and {} more", number - 1),
        };
        let others = match pods.len() {
            1 => String::new(),
            number => format!("; the same in {} more pods", number - 1),
        };
        findings.push(
            HealthFinding::warning(
                FindingCode::ConfigurationMistake,
                ObjectRef::pod(first),
                format!("its configuration can't be read: {mistake}{more}"),
            )
            .why(format!(
                "it takes in no change (a standby can't be pointed elsewhere), and would not start again{others}"
            ))
            .next(in_psql(
                namespace,
                first,
                "select sourcefile, sourceline, name, error from pg_file_settings where error is not null",
            )),
        );
    }
}

/// A server that runs is pointed at another primary, and told who confirms commits, by `ALTER SYSTEM`.
fn no_alter_system(snapshot: &Snapshot) -> Option<HealthFinding> {
    let pods: Vec<&str> = snapshot
        .instances
        .iter()
        .filter(|it| {
            let facts = it.facts();
            facts.is_some_and(|facts| !facts.settings.allow_alter_system)
        })
        .map(Instance::name)
        .collect();
    let first = pods.first()?;
    let others = match pods.len() {
        1 => String::new(),
        number => format!("; the same in {} more pods", number - 1),
    };
    Some(
        HealthFinding::warning(
            FindingCode::AlterSystemOff,
            ObjectRef::pod(first),
            "it takes no ALTER SYSTEM (allow_alter_system is off): a standby that runs can't be pointed at another primary",
        )
        .why(format!(
            "a switchover and pgctl sync set are refused, and after an emergency a standby follows once it is restarted{others}"
        ))
        .next(format!(
            "pgctl -n {} config show allow_alter_system   # then take it out of the file that it names",
            snapshot.cluster.namespace
        )),
    )
}

fn recovery(
    snapshot: &Snapshot,
    instance: &Instance,
    facts: &DatabaseFacts,
) -> Option<HealthFinding> {
    let all = &facts.files.as_ref()?.recovery;
    let first = all.first()?;
    let open = || facts.recovery_settings();
    let severity = if open().any(RecoverySetting::promotes) {
        Severity::Critical
    } else if open().next().is_some() {
        Severity::Warning
    } else {
        Severity::Note
    };
    let listed: Vec<String> = all.iter().map(ToString::to_string).collect();
    let why = match severity {
        Severity::Critical => {
            "a standby that starts with it ends recovery by itself and is a second primary; every copy of this data has it, too"
        }
        Severity::Warning => {
            "a standby that starts with it does not follow as it should; every copy of this data has it, too"
        }
        Severity::Note => "the start script overrules it; it is left from an earlier recovery",
    };
    let mut finding = HealthFinding::new(
        severity,
        FindingCode::RecoverySettings,
        ObjectRef::pod(instance.name()),
        format!("its files would change its recovery: {}", listed.join(", ")),
    )
    .why(why);
    let namespace = &snapshot.cluster.namespace;
    if first.file == "postgresql.auto.conf" {
        finding = finding.next(in_psql(
            namespace,
            instance.name(),
            &format!("alter system reset {}", first.name),
        ));
    }
    Some(finding)
}

fn pending(
    snapshot: &Snapshot,
    instance: &Instance,
    facts: &DatabaseFacts,
) -> Option<HealthFinding> {
    let pending = facts.pending();
    if pending.is_empty() {
        return None;
    }
    let listed: Vec<String> = pending.iter().map(ToString::to_string).collect();
    // Whom it follows now, or would follow after a switchover.
    let lower = snapshot
        .instances
        .iter()
        .filter(|it| it.name() != instance.name())
        .filter(|it| facts.recovery.is_none() || it.facts().is_some_and(DatabaseFacts::writable))
        .find_map(|it| {
            let lower = facts.lower_when_restarted(&it.facts()?.settings);
            (!lower.is_empty()).then(|| format!("{} on {}", lower.join(", "), it.name()))
        });
    let (severity, why) = match lower {
        Some(lower) => (
            Severity::Warning,
            format!(
                "after it, it could not follow: a standby must not have less than its primary ({lower})"
            ),
        ),
        None => (
            Severity::Note,
            "the next restart of its pod brings it".to_owned(),
        ),
    };
    Some(
        HealthFinding::new(
            severity,
            FindingCode::RestartPending,
            ObjectRef::pod(instance.name()),
            format!("it waits for a restart: {}", listed.join(", ")),
        )
        .why(why)
        .next(format!(
            "pgctl -n {} config diff --pod {}",
            snapshot.cluster.namespace,
            instance.name()
        )),
    )
}
