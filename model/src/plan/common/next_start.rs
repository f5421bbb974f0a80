//! Checks that what runs now would also start anew: files, logins, settings of recovery.

use crate::cluster::suggestion::psql;
use crate::cluster::{
    DatabaseFacts, Instance, RecoverySetting, ReplicationLogin, Snapshot, quote_identifier,
};
use crate::plan::language::{Check, CheckName, CheckVerdict};

/// Of what makes a pod start as a standby of the primary.
pub(crate) fn new_standby_checks(snapshot: &Snapshot) -> Vec<Check> {
    let Some(primary) = snapshot.primary() else {
        return Vec::new();
    };
    let mut login = standby_login(&[primary], CheckVerdict::Refuse);
    if let Some(said) = primary.facts().and_then(DatabaseFacts::no_connection_left)
        && !login.refuses()
    {
        login = Check::refuse(
            CheckName::StandbyLogin,
            format!(
                "{} has no connection left for a standby that starts: {said}",
                primary.name()
            ),
        )
        .next("end some sessions, or raise max_connections: pgctl status");
    }
    vec![
        login,
        files(&snapshot.instances, CheckVerdict::Refuse),
        recovery_settings(&snapshot.cluster.namespace, [primary], CheckVerdict::Refuse),
    ]
}

/// A primary with room for a copy and the stream beside it.
pub(crate) fn room_for_copy(snapshot: &Snapshot) -> Option<Check> {
    let primary = snapshot.primary()?;
    let facts = primary.facts()?;
    let name = CheckName::Walsenders;
    let limit = facts.settings.max_wal_senders as usize;
    let taken = facts.walsenders_taken();
    Some(if taken + 2 > limit {
        Check::refuse(
            name,
            format!(
                "{} allows {limit} walsenders, {taken} are taken, and a copy needs two",
                primary.name()
            ),
        )
        .next("wait until a backup is done, or raise max_wal_senders and restart it")
    } else {
        Check::pass(name, format!("{taken} of {limit} walsenders are taken"))
    })
}

/// Of servers that are changed while they run: whom to follow, and who confirms commits, is set by `ALTER SYSTEM`.
pub(crate) fn changeable<'a>(
    servers: impl IntoIterator<Item = &'a Instance>,
    verdict: CheckVerdict,
) -> Check {
    let servers: Vec<&Instance> = servers.into_iter().collect();
    let closed: Vec<&str> = servers
        .iter()
        .filter(|it| {
            let facts = it.facts();
            facts.is_some_and(|facts| !facts.settings.allow_alter_system)
        })
        .map(|it| it.name())
        .collect();
    if closed.is_empty() {
        return files(servers, verdict);
    }
    let reason = format!(
        "no ALTER SYSTEM, by which a running server is pointed elsewhere and told who confirms commits, on {} (allow_alter_system is off)",
        closed.join(", ")
    );
    found(verdict, CheckName::Files, reason).next(
        "pgctl config show allow_alter_system   # then take it out of the file that it names, and wait a minute",
    )
}

/// Of what starts these servers anew.
pub(crate) fn files_check<'a>(servers: impl IntoIterator<Item = &'a Instance>) -> Check {
    files(servers, CheckVerdict::Refuse)
}

fn found(verdict: CheckVerdict, name: CheckName, reason: String) -> Check {
    match verdict {
        CheckVerdict::Refuse => Check::refuse(name, reason),
        CheckVerdict::Warn => Check::warn(name, reason),
        CheckVerdict::Pass => Check::pass(name, reason),
    }
}

/// Streams that are open say nothing about whether a standby would be let in again.
pub(crate) fn standby_login(servers: &[&Instance], verdict: CheckVerdict) -> Check {
    let name = CheckName::StandbyLogin;
    let kept_out: Vec<String> = servers
        .iter()
        .filter_map(|it| Some((it.name(), it.facts()?.keeps_standbys_out()?)))
        .map(|(pod, (reason, _))| format!("{pod} lets no standby in: {reason}"))
        .collect();
    if !kept_out.is_empty() {
        return found(verdict, name, kept_out.join("; "))
            .next("pgctl status: it says what mends this");
    }
    let full: Vec<&str> = servers
        .iter()
        .filter(|it| {
            let facts = it.facts();
            facts.is_some_and(|facts| facts.no_connection_left().is_some())
        })
        .map(|it| it.name())
        .collect();
    let untried: Vec<&str> = servers
        .iter()
        .filter(|it| {
            let facts = it.facts();
            facts.is_some_and(|facts| facts.replication_login == ReplicationLogin::Unknown)
        })
        .map(|it| it.name())
        .collect();
    if full.is_empty() && untried.is_empty() {
        Check::pass(name, "standbys are let in")
    } else if full.is_empty() {
        Check::warn(
            name,
            format!(
                "whether {} would let a standby in could not be tried",
                untried.join(" and ")
            ),
        )
    } else {
        Check::warn(
            name,
            format!(
                "all connections are taken on {}: a standby that starts is turned away",
                full.join(", ")
            ),
        )
    }
}

/// A server with a mistake in its files takes in no change, its upstream included, and would not start
/// again.
fn files<'a>(servers: impl IntoIterator<Item = &'a Instance>, verdict: CheckVerdict) -> Check {
    let name = CheckName::Files;
    let servers: Vec<&Instance> = servers.into_iter().collect();
    let wrong: Vec<String> = servers
        .iter()
        .filter_map(|it| Some((it.name(), it.facts()?.mistakes().first()?)))
        .map(|(pod, mistake)| format!("{mistake} on {pod}"))
        .collect();
    if let Some(first) = wrong.first() {
        let more = match wrong.len() {
            1 => String::new(),
            number => format!(" and {} more", number - 1),
        };
        return found(
            verdict,
            name,
            format!("a mistake in the configuration: {first}{more}; it could not be pointed elsewhere, or would not start again"),
        )
        .next("mend the file that is named (pgctl status), then wait until it has reached the pods (a minute)");
    }
    let unread = servers
        .iter()
        .filter(|it| it.facts().is_some_and(|facts| facts.files.is_none()))
        .count();
    match unread {
        0 => Check::pass(name, "the configuration files have no mistake"),
        number => Check::warn(
            name,
            format!("the configuration files of {number} pods could not be looked at"),
        ),
    }
}

pub(crate) fn recovery_settings<'a>(
    namespace: &str,
    pods: impl IntoIterator<Item = &'a Instance>,
    verdict: CheckVerdict,
) -> Check {
    let name = CheckName::RecoverySettings;
    let settings: Vec<(&str, &RecoverySetting)> = pods
        .into_iter()
        .filter_map(|it| Some((it.name(), it.facts()?)))
        .flat_map(|(pod, facts)| facts.recovery_settings().map(move |it| (pod, it)))
        .collect();
    let Some((pod, first)) = settings.first() else {
        return Check::pass(name, "no setting would end recovery or hold it up");
    };
    let listed: Vec<String> = settings
        .iter()
        .map(|(pod, setting)| format!("{setting} on {pod}"))
        .collect();
    let check = if settings.iter().any(|(_, it)| it.promotes()) {
        found(
            verdict,
            name,
            format!(
                "a standby that starts would promote itself: {}",
                listed.join(", ")
            ),
        )
    } else {
        Check::warn(
            name,
            format!(
                "a standby would not follow as it should: {}",
                listed.join(", ")
            ),
        )
    };
    let sql = format!("alter system reset {}", quote_identifier(&first.name));
    check.next(match first.file.as_str() {
        "postgresql.auto.conf" => psql(namespace, pod, "postgres", &sql),
        file => format!("take {} out of {file}, then pgctl status", first.name),
    })
}
