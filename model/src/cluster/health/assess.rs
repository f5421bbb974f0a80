//! The assessment: every check, in order of urgency.

use super::finding::{Finding, Severity, Verdict};
use super::headline::Headline;
use super::{capacity, next_start, operations, pods, primary, replication, services, storage};
use crate::cluster::{LagLimit, LagReport, Snapshot, lag_report};

/// What counts as too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How far a standby may be behind.
    pub lag: LagLimit,
    /// How full a volume may be, in %.
    pub disk_percent: f64,
    /// From here on a full volume is critical, in %: PostgreSQL stops when it can't write WAL.
    pub disk_critical_percent: f64,
    /// A restart this recent is worth telling, in seconds.
    pub recent_restart_seconds: f64,
    /// A slot that nobody uses may hold back this much, in bytes, before it is worth telling: a
    /// standby that restarts leaves its slot for a moment.
    pub idle_slot_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag: LagLimit::default(),
            disk_percent: 85.0,
            disk_critical_percent: 95.0,
            recent_restart_seconds: 600.0,
            idle_slot_bytes: 0,
        }
    }
}

/// What is thought of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The answer.
    pub verdict: Verdict,
    /// The parts of the first line.
    pub headline: Headline,
    /// What is wrong, most urgent first.
    pub findings: Vec<Finding>,
    /// The lag that was judged.
    pub lag: LagReport,
}

impl Health {
    /// The findings that make the verdict what it is.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity != Severity::Note)
    }
}

/// Judges a cluster. Pure: the same snapshot always gets the same answer.
pub fn assess(snapshot: &Snapshot, limits: &Limits) -> Health {
    let lag = lag_report(snapshot);
    let mut findings = Vec::new();
    primary::check(snapshot, &mut findings);
    services::check(snapshot, &mut findings);
    replication::check(snapshot, &lag, limits, &mut findings);
    next_start::check(snapshot, &mut findings);
    operations::check(snapshot, &mut findings);
    pods::check(snapshot, limits, &mut findings);
    storage::check(snapshot, limits, &mut findings);
    capacity::check(snapshot, &mut findings);
    findings.sort_by(|a, b| {
        (a.severity, a.code, &a.object, &a.what).cmp(&(b.severity, b.code, &b.object, &b.what))
    });
    let verdict = match findings.first().map(|finding| finding.severity) {
        Some(Severity::Critical) => Verdict::Critical,
        Some(Severity::Warning) => Verdict::Degraded,
        Some(Severity::Note) | None => Verdict::Healthy,
    };
    Health {
        verdict,
        headline: Headline::of(snapshot, &lag),
        findings,
        lag,
    }
}
