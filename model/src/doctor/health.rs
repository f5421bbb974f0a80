//! Everything that `pgctl status` finds.

use super::facts::DoctorFacts;
use super::result::{Finding, cluster};
use super::throw_away;
use crate::cluster::{
    Database, FindingCode, HealthFinding, Instance, ObjectKind, ObjectRef, TopologySource,
};

pub(super) fn look(facts: &DoctorFacts, code: FindingCode) -> Vec<Finding> {
    let found = facts.health.findings.iter().filter(|it| it.code == code);
    let mut findings: Vec<Finding> = found.map(finding).collect();
    if code == FindingCode::ThrowAwayLeft {
        findings = throw_away::by_age(facts, findings);
    }
    for need in needs(code) {
        for (object, why) in unseen(facts, *need) {
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

/// What has to be seen before anybody can say that something was not found.
#[derive(Clone, Copy)]
enum Need {
    /// All objects of a kind.
    All(ObjectKind),
    /// Which pod is meant to be primary.
    Topology,
    /// Whether an operation is unfinished.
    Journal,
    /// What every database says of itself.
    EveryDatabase,
    /// What every database says whose container may be running.
    RunningDatabases,
    /// What the one primary says.
    Primary,
    /// Why start scripts hold PostgreSQL back.
    StartScripts,
    /// The volume of the pod that is to be primary; while that answers, it has one.
    PrimaryVolume,
}

/// What is lacking of it: each object of which nobody knows, and why.
fn unseen(facts: &DoctorFacts, need: Need) -> Vec<(ObjectRef, String)> {
    let snapshot = &facts.snapshot;
    let of_kind = |kind: ObjectKind| {
        let unseen = snapshot.unseen(kind);
        unseen.map(|it| (cluster(snapshot), it.to_string()))
    };
    match need {
        Need::All(kind) => of_kind(kind).into_iter().collect(),
        Need::Topology => {
            // The default is what is taken where no record was seen.
            let guessed = matches!(snapshot.topology.source, TopologySource::Default { .. });
            let unseen = of_kind(ObjectKind::ConfigMaps).filter(|_| guessed);
            unseen.into_iter().collect()
        }
        Need::Journal => match (&snapshot.unreadable_journal, of_kind(ObjectKind::Journal)) {
            (Some(journal), _) => vec![(cluster(snapshot), journal.why.clone())],
            (None, unseen) => unseen.into_iter().collect(),
        },
        Need::EveryDatabase => {
            if snapshot.instances.is_empty() {
                let why = "there is no server to ask";
                return vec![(cluster(snapshot), why.to_owned())];
            }
            let silent = super::servers::silent(facts);
            silent
                .map(|(pod, why)| (ObjectRef::pod(pod), why.to_owned()))
                .collect()
        }
        Need::Primary => match snapshot.primary() {
            Some(_) => Vec::new(),
            None => {
                let why = "there is no single primary that answers";
                vec![(cluster(snapshot), why.to_owned())]
            }
        },
        Need::RunningDatabases => running(facts, |_| true),
        Need::StartScripts => running(facts, |it| {
            let listens = matches!(it.database, Database::LockedOut { .. });
            it.waiting.is_none() && !listens
        }),
        Need::PrimaryVolume => {
            let meant = snapshot.instance(&snapshot.topology.primary);
            let answers = meant.is_some_and(|it| it.facts().is_some());
            let unseen = of_kind(ObjectKind::Volumes).filter(|_| !answers);
            unseen.into_iter().collect()
        }
    }
}

/// The pods whose container may be running, and whose database says nothing.
fn running(facts: &DoctorFacts, wanted: fn(&Instance) -> bool) -> Vec<(ObjectRef, String)> {
    let instances = facts.snapshot.instances.iter();
    let silent = instances.filter(|it| wanted(it)).filter_map(|it| {
        let why = it.database.unanswered()?;
        Some((ObjectRef::pod(it.name()), why.to_owned()))
    });
    silent.collect()
}

/// What a finding goes by. Pods and StatefulSets are always seen: without them there is no cluster to examine.
fn needs(code: FindingCode) -> &'static [Need] {
    use Need::{
        All, EveryDatabase, Journal, Primary, PrimaryVolume, RunningDatabases, StartScripts,
        Topology,
    };
    use ObjectKind::{Autoscalers, EndpointSlices, Nodes, Services, Volumes};
    match code {
        FindingCode::SplitBrain
        | FindingCode::OtherSystem
        | FindingCode::DiskFull
        | FindingCode::RecoverySettings
        | FindingCode::StandbysKeptOut
        | FindingCode::CertificateExpires
        | FindingCode::CertificateNotTaken
        | FindingCode::ConfigurationMistake
        | FindingCode::AlterSystemOff
        | FindingCode::SlotLost
        | FindingCode::ReplayPaused
        | FindingCode::ReplayDelayed
        | FindingCode::InactiveSlot
        | FindingCode::ArchivingFails
        | FindingCode::ArchivingHangs
        | FindingCode::RestartPending => &[EveryDatabase],
        FindingCode::OtherTimeline
        | FindingCode::StandbyNotStreaming
        | FindingCode::StandbyBehind => &[EveryDatabase, Primary],
        FindingCode::ReadOnlyPrimary
        | FindingCode::SynchronousStandbyMissing
        | FindingCode::NoStandby
        | FindingCode::ConnectionsExhausted => &[Primary],
        // How many standbys commits are to wait for is recorded with the topology.
        FindingCode::SynchronousNamesDiffer | FindingCode::TopologyDiffers => &[Topology, Primary],
        FindingCode::EmptyPrimaryVolume => &[Topology, PrimaryVolume, StartScripts],
        FindingCode::WriteServiceAstray => &[All(Services), All(EndpointSlices), Primary],
        FindingCode::WriteServiceEmpty | FindingCode::ReadServiceEmpty => {
            &[All(Services), All(EndpointSlices)]
        }
        FindingCode::ReadServiceAstray => &[All(Services), All(EndpointSlices), RunningDatabases],
        FindingCode::AutoscalerMayDeletePrimary => &[All(Autoscalers), Topology],
        FindingCode::SeveralAutoscalers
        | FindingCode::AutoscalerAtMaximum
        | FindingCode::AutoscalerBlind => &[All(Autoscalers)],
        FindingCode::VolumeDeleting => &[All(Volumes)],
        FindingCode::NodeNotReady => &[All(Nodes)],
        FindingCode::OperationUnfinished | FindingCode::RecordHeld => &[Journal],
        FindingCode::JournalUnreadable => &[All(ObjectKind::Journal)],
        FindingCode::ThrowAwayLeft => &[All(ObjectKind::ThrowAways)],
        FindingCode::StopUnproven => &[Topology],
        FindingCode::StartWaiting => &[StartScripts],
        // What pods and StatefulSets tell; and that somebody is silent, or something was not seen, is itself what
        // is found.
        FindingCode::NoPrimary
        | FindingCode::PrimarySilent
        | FindingCode::StartRefused
        | FindingCode::PodUnscheduled
        | FindingCode::PodDown
        | FindingCode::DatabaseSilent
        | FindingCode::PodTerminating
        | FindingCode::PodRestarting
        | FindingCode::ReplicasMissing
        | FindingCode::OlderRevision
        | FindingCode::PodNotReady
        | FindingCode::Unseen => &[],
    }
}
