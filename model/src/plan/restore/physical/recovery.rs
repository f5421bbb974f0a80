//! Where a recovery through archived WAL ends, and whether that WAL is whole.

use super::super::common::Situation;
use crate::cluster::words;
use crate::plan::language::{Check, CheckName};
use crate::recovery::{RecoveryTarget, RecoveryWay};

/// Problems of segments that are told; the rest is counted.
const TOLD: usize = 3;

/// None when only a backup is restored.
pub(super) fn checks(situation: &Situation<'_>) -> Vec<Check> {
    let Some(found) = &situation.found.recovery else {
        return Vec::new();
    };
    vec![
        match situation.request.into {
            // Nothing is replaced.
            Some(_) => Check::pass(CheckName::RecoveryTarget, ends(&found.way, true)),
            None => Check::warn(CheckName::RecoveryTarget, ends(&found.way, false)),
        },
        whole(&found.way, &found.problems),
    ]
}

/// Where it ends, as far as that is known before, and what will not be there.
fn ends(way: &RecoveryWay, into: bool) -> String {
    let last = way.last().map(|it| it.to_string()).unwrap_or_default();
    let commit = match way.last_commit {
        Some(time) => format!(", whose last commit is of {}", words::moment(time)),
        None => String::new(),
    };
    let place = match &way.target {
        RecoveryTarget::Latest => format!(
            "it ends with all that is archived, at {} of timeline {}{commit}",
            way.end, way.timeline
        ),
        RecoveryTarget::Time { .. } if way.end_will_do => format!(
            "the archive names no later commit: it ends before the first that is found, or with the WAL, at {} of timeline {}{commit}",
            way.end, way.timeline
        ),
        RecoveryTarget::Time { .. } => format!(
            "on timeline {}, it ends before the first later commit, in segment {last}{commit}",
            way.timeline
        ),
        RecoveryTarget::Lsn { .. } => format!(
            "on timeline {}, it ends there, in segment {last} at the latest",
            way.timeline
        ),
        RecoveryTarget::Name { .. } | RecoveryTarget::Xid { .. } => format!(
            "on timeline {}: the WAL up to {} is searched for it while it is replayed, and everything is put back when it has no such thing",
            way.timeline, way.end
        ),
    };
    let later = match into {
        true => "is in the cluster, which stays as it is",
        false => "is only in the data that is kept",
    };
    format!("{place}; what was committed later {later}")
}

fn whole(way: &RecoveryWay, problems: &[String]) -> Check {
    let name = CheckName::ArchivedWal;
    if problems.is_empty() {
        let runs: Vec<String> = way
            .segments
            .iter()
            .map(|run| match run.first == run.last {
                true => run.first.to_string(),
                false => format!("{} to {}", run.first, run.last),
            })
            .collect();
        return Check::pass(
            name,
            format!(
                "{} ({}), read to the end just now: {}",
                words::counted(way.count, "segment"),
                words::bytes(way.stored_bytes),
                runs.join(", ")
            ),
        );
    }
    let mut told = problems[..problems.len().min(TOLD)].join("; ");
    if problems.len() > TOLD {
        told += &format!("; and {} more", problems.len() - TOLD);
    }
    Check::refuse(name, format!("it is not whole: {told}"))
        .next("an earlier moment, or another base backup: pgctl backup list")
}
