//! The assessment: every check, in order of urgency.

use super::finding::{HealthFinding, HealthVerdict, Severity};
use super::headline::Headline;
use super::limits::Limits;
use super::{
    capacity, certificates, next_start, operations, pods, primary, replication, revision, services,
    storage, throw_away,
};
use crate::cluster::{LagReport, Snapshot, lag_report};

/// What is thought of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The worst that was found, in one word.
    pub verdict: HealthVerdict,
    /// The parts of the first line.
    pub headline: Headline,
    /// What is wrong, most urgent first.
    pub findings: Vec<HealthFinding>,
    /// The lag that was judged.
    pub lag: LagReport,
}

impl Health {
    /// The findings that make the verdict what it is.
    pub fn problems(&self) -> impl Iterator<Item = &HealthFinding> {
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
    revision::check(snapshot, &mut findings);
    pods::check(snapshot, limits, &mut findings);
    storage::check(snapshot, limits, &mut findings);
    capacity::check(snapshot, &mut findings);
    certificates::check(snapshot, &mut findings);
    throw_away::check(snapshot, &mut findings);
    findings.sort_by(|a, b| {
        (a.severity, a.code, &a.object, &a.what).cmp(&(b.severity, b.code, &b.object, &b.what))
    });
    let verdict = match findings.first().map(|finding| finding.severity) {
        Some(Severity::Critical) => HealthVerdict::Critical,
        Some(Severity::Warning) => HealthVerdict::Degraded,
        Some(Severity::Note) | None => HealthVerdict::Healthy,
    };
    Health {
        verdict,
        headline: Headline::of(snapshot, &lag),
        findings,
        lag,
    }
}
