//! Everything that `pgctl status` finds.

use super::facts::DoctorFacts;
use super::result::Finding;
use crate::cluster::{FindingCode, HealthFinding};

pub(super) fn look(facts: &DoctorFacts, code: FindingCode) -> Vec<Finding> {
    let found = facts.health.findings.iter().filter(|it| it.code == code);
    let mut findings: Vec<Finding> = found.map(finding).collect();
    // What only a database tells is not known of one that is silent.
    if asks_databases(code) {
        for (pod, why) in super::servers::silent(facts) {
            let object = crate::cluster::ObjectRef::pod(pod);
            if !findings.iter().any(|it| it.object == object) {
                findings.push(Finding::unknown(object, why));
            }
        }
    }
    findings
}

fn finding(found: &HealthFinding) -> Finding {
    let mut finding = Finding::of(found.severity, found.object.clone(), found.what.clone());
    if !found.why.is_empty() {
        finding = finding.evidence(found.why.clone());
    }
    for command in &found.next {
        finding = finding.next(command.clone());
    }
    finding
}

/// Whether it is something that a database says of itself.
fn asks_databases(code: FindingCode) -> bool {
    match code {
        FindingCode::SplitBrain
        | FindingCode::OtherSystem
        | FindingCode::DiskFull
        | FindingCode::RecoverySettings
        | FindingCode::StandbysKeptOut
        | FindingCode::ConfigurationMistake
        | FindingCode::AlterSystemOff
        | FindingCode::OtherTimeline
        | FindingCode::SlotLost
        | FindingCode::StandbyNotStreaming
        | FindingCode::ReplayPaused
        | FindingCode::ReplayDelayed
        | FindingCode::StandbyBehind
        | FindingCode::InactiveSlot
        | FindingCode::ArchivingFails
        | FindingCode::ArchivingHangs
        | FindingCode::RestartPending => true,
        FindingCode::EmptyPrimaryVolume
        | FindingCode::NoPrimary
        | FindingCode::PrimarySilent
        | FindingCode::ReadOnlyPrimary
        | FindingCode::WriteServiceAstray
        | FindingCode::WriteServiceEmpty
        | FindingCode::SynchronousStandbyMissing
        | FindingCode::SynchronousNamesDiffer
        | FindingCode::AutoscalerMayDeletePrimary
        | FindingCode::SeveralAutoscalers
        | FindingCode::VolumeDeleting
        | FindingCode::NoStandby
        | FindingCode::ConnectionsExhausted
        | FindingCode::StartRefused
        | FindingCode::StartWaiting
        | FindingCode::NodeNotReady
        | FindingCode::PodUnscheduled
        | FindingCode::PodDown
        | FindingCode::DatabaseSilent
        | FindingCode::PodTerminating
        | FindingCode::PodRestarting
        | FindingCode::ReadServiceEmpty
        | FindingCode::ReadServiceAstray
        | FindingCode::ReplicasMissing
        | FindingCode::AutoscalerAtMaximum
        | FindingCode::OperationUnfinished
        | FindingCode::JournalUnreadable
        | FindingCode::StopUnproven
        | FindingCode::OlderRevision
        | FindingCode::RecordHeld
        | FindingCode::TopologyDiffers
        | FindingCode::PodNotReady
        | FindingCode::AutoscalerBlind
        | FindingCode::Unseen => false,
    }
}
