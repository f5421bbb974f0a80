//! `pgctl metrics`: what is known of a cluster, in OpenMetrics. Names never change; docs/metrics.md lists
//! them all.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::backup::format::RestoreTestKind;
use crate::cluster::{
    FindingCode, Health, HealthVerdict, Instance, ObjectKind, Role, Severity, Snapshot, StandbyLag,
    TimeLag, may_be_running,
};
use crate::wal::WalProtection;

/// What one look has measured.
#[derive(Debug, Clone)]
pub enum Looked {
    /// The cluster of a namespace.
    One(Box<Measured>),
    /// The clusters of all namespaces, of several contexts, or both.
    Many {
        /// Each with its context, when contexts were named.
        clusters: Vec<(Option<String>, Measured)>,
        /// The contexts that were named, and whether each could be looked at.
        contexts: BTreeMap<String, bool>,
    },
}

impl Looked {
    /// Every cluster, with its context when contexts were named.
    pub fn clusters(&self) -> Vec<(Option<&str>, &Measured)> {
        match self {
            Self::One(measured) => vec![(None, measured)],
            Self::Many { clusters, .. } => clusters
                .iter()
                .map(|(context, measured)| (context.as_deref(), measured))
                .collect(),
        }
    }
}

/// Everything that is known of a cluster.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was seen.
    pub snapshot: Snapshot,
    /// What is thought of it.
    pub health: Health,
    /// Sessions of clients by pod and state; none of a pod that does not say.
    pub connections: BTreeMap<String, BTreeMap<String, u64>>,
    /// Whether everything that is told of the store could be read; none when no store was named.
    pub store_up: Option<bool>,
    /// The backups; none when no store was named or it does not answer.
    pub backups: Option<BackupFigures>,
    /// What is archived of the WAL; none when no store was named, it has no archive or does not answer.
    pub archive: Option<WalProtection>,
    /// The operations that are remembered, oldest first; none when the journal can't be read.
    pub operations: Option<Vec<OperationFigures>>,
}

/// Figures of the backups in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupFigures {
    /// How many there are, by kind.
    pub kinds: BTreeMap<String, u64>,
    /// When the newest that is whole was begun.
    pub newest: Option<Timestamp>,
    /// When one was last restored for a trial, and whether it could be, by what that proves.
    pub restored: BTreeMap<RestoreTestKind, (Timestamp, bool)>,
}

/// Figures of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationFigures {
    /// `failover`, `scale`, ...
    pub kind: String,
    /// `done`, `rolled-back`, ...
    pub outcome: String,
    /// When it ended; none while it runs.
    pub ended: Option<Timestamp>,
    /// The write outage that it measured, in seconds.
    pub outage_seconds: Option<f64>,
}

/// How the last look went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastLook {
    /// It succeeded, and is no older than it may be.
    pub up: bool,
    /// When what is known was seen; none when nothing is.
    pub seen: Option<Timestamp>,
    /// How long the last look took, in seconds.
    pub seconds: Option<f64>,
}

/// Makes the list of metrics: one can't be without its help.
macro_rules! metrics {
    ($($field:ident = $name:literal, $help:literal;)*) => {
        /// Every metric with its help, in the order in which they are told.
        #[cfg(test)]
        pub(super) const METRICS: &[(&str, &str)] = &[$((concat!("pgctl_", $name), $help),)*];

        struct Metrics { $($field: Metric,)* }

        impl Metrics {
            fn registered(registry: &mut Registry) -> Self {
                Self { $($field: register(registry, $name, $help),)* }
            }
        }
    };
}

metrics! {
    up = "up", "1 when the last look at the cluster succeeded; at 0 everything else is as old as it was seen";
    seen = "seen_timestamp_seconds", "When what is told here was seen";
    look_seconds = "look_duration_seconds", "How long the last look took";
    verdict = "verdict", "1 for the verdict of pgctl status, 0 for the others";
    findings = "findings", "Findings of pgctl status by code and severity";
    primaries = "primaries", "Instances that are seen out of recovery; anything but 1 is wrong; absent when none is seen and a pod did not say";
    unknown = "instances_unknown", "Pods in which a database may run that did not say whether it is in recovery";
    wanted = "pods_wanted", "Pods that the StatefulSets are to have";
    ready = "pods_ready", "Pods of the StatefulSets that are ready";
    instance_up = "instance_up", "1 when the database of a pod answers";
    instance_primary = "instance_primary", "1 when the database of a pod is out of recovery";
    instance_restarts = "instance_restarts", "Restarts of the database container of a pod";
    instance_timeline = "instance_timeline", "Timeline that the database of a pod is on";
    instance_started = "instance_start_timestamp_seconds", "When the database of a pod was started";
    lag_bytes = "standby_lag_bytes", "WAL that readers of a standby do not see yet, from the primary's position; absent while unknown";
    lag_seconds = "standby_lag_seconds", "How old what readers of a standby see may be; absent while unknown";
    streaming = "standby_streaming", "1 when a standby streams; absent while nobody who could know has answered";
    synchronous = "standby_synchronous", "1 when commits wait for a standby; absent while nobody who could know has answered";
    slot_active = "slot_active", "1 when somebody uses a slot";
    slot_retained = "slot_retained_bytes", "WAL that a slot holds back";
    slot_safe = "slot_safe_bytes", "WAL that may still be written before a slot loses what it needs; absent without a limit";
    slot_lost = "slot_lost", "1 when a slot has lost WAL that it needs";
    connections = "connections", "Sessions of clients by state";
    connections_max = "connections_max", "max_connections";
    oldest_transaction = "oldest_transaction_seconds", "Age of the oldest transaction of a client; absent when there is none";
    prepared = "prepared_transactions", "Prepared transactions";
    disk_size = "disk_size_bytes", "Size of the volume with the data";
    disk_used = "disk_used_bytes", "What is used of it";
    disk_available = "disk_available_bytes", "What the database may still write to it";
    wal = "wal_bytes", "What pg_wal holds";
    archive_ready = "archive_ready_segments", "WAL segments that wait to be archived";
    archive_failing = "archive_failing", "1 when the last attempt to archive has failed";
    autoscaler_min = "autoscaler_min_replicas", "Lowest number that the autoscaler may set";
    autoscaler_max = "autoscaler_max_replicas", "Highest number that the autoscaler may set";
    autoscaler_current = "autoscaler_current_replicas", "Replicas by the autoscaler's own account";
    autoscaler_desired = "autoscaler_desired_replicas", "Replicas that the autoscaler wants";
    store_up = "store_up", "1 when the store could be read: the backups in it, and what is archived of the cluster's WAL; absent when no store is named";
    backups = "backups", "Backups of the cluster by kind";
    backup_newest = "backup_newest_timestamp_seconds", "When the newest backup that is whole was begun; absent when there is none";
    backup_restored = "backup_restore_test_timestamp_seconds", "When a backup was last restored for a trial; absent when none ever was";
    backup_restorable = "backup_restore_test_success", "1 when the last trial of each kind succeeded";
    backup_kind_restored = "backup_restore_test_kind_timestamp_seconds", "The same by kind: logical, physical, or physical-with-wal, which replays all of the archived WAL";
    backup_kind_restorable = "backup_restore_test_kind_success", "1 when the last trial of that kind succeeded";
    wal_archive_as_of = "wal_archive_as_of_timestamp_seconds", "The moment up to which all that was committed is archived; absent when nobody has said so";
    wal_archive_from = "wal_archive_recoverable_from_timestamp_seconds", "The first moment that can be restored, without a break up to the last; absent when there is none";
    wal_archive_to = "wal_archive_recoverable_to_timestamp_seconds", "The last moment that can be restored; absent when there is none";
    wal_archive_gaps = "wal_archive_open_gaps", "Gaps in the archived WAL behind which no base backup was taken";
    operations = "operations_remembered", "Operations that the journal remembers, by kind and outcome";
    operation_last = "operation_last_timestamp_seconds", "When the last operation of a kind ended";
    operation_unfinished = "operation_unfinished", "1 when an operation was begun and has not ended; absent while the journal can't be read";
    throw_aways = "throw_away_servers", "Throw-away servers beside the cluster, also those that are being made or were never finished; absent while they can't be looked at";
    throw_away_created = "throw_away_created_timestamp_seconds", "When the first of a throw-away server was made";
    write_outage = "failover_write_outage_seconds", "Write outage that the last failover measured";
}

/// States of sessions that are told also when no session is in them.
const USUAL_STATES: [&str; 3] = ["active", "idle", "idle in transaction"];

type Labels = Vec<(&'static str, String)>;
type Metric = Family<Labels, Gauge<f64, AtomicU64>>;

fn register(registry: &mut Registry, name: &str, help: &str) -> Metric {
    let metric = Metric::default();
    registry.register(name, help.to_owned(), metric.clone());
    metric
}

/// The exposition: of what could not be looked at yet only how the look went.
pub fn exposition(looked: Option<&Looked>, last: &LastLook) -> String {
    let mut registry = Registry::with_prefix("pgctl");
    let metrics = Metrics::registered(&mut registry);
    let told = match looked {
        Some(Looked::One(measured)) => Told::of(None, measured),
        // A look at many is none of any cluster.
        Some(Looked::Many { .. }) | None => Told { labels: Vec::new() },
    };
    told.set(&metrics.up, [], flag(last.up));
    if let Some(Looked::Many { contexts, .. }) = looked {
        for (context, answers) in contexts {
            told.set(&metrics.up, [(CONTEXT, context)], flag(last.up && *answers));
        }
    }
    if let Some(seen) = last.seen {
        told.set(&metrics.seen, [], seconds(seen));
    }
    if let Some(seconds) = last.seconds {
        told.set(&metrics.look_seconds, [], seconds);
    }
    let many = matches!(looked, Some(Looked::Many { .. }));
    for (context, measured) in looked.map(Looked::clusters).unwrap_or_default() {
        let told = Told::of(context, measured);
        if let Some(seen) = last.seen.filter(|_| many) {
            told.set(&metrics.seen, [], seconds(seen));
        }
        told.cluster(&metrics, measured);
        for instance in &measured.snapshot.instances {
            told.instance(&metrics, measured, instance);
        }
        told.standbys(&metrics, measured);
        told.records(&metrics, measured);
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    encode(&mut text, &registry).ok();
    text
}

/// The label of the kubeconfig's context, where contexts were named.
const CONTEXT: &str = "context";

/// Sets values with the labels that all have.
struct Told {
    labels: Labels,
}

impl Told {
    /// Of a cluster.
    fn of(context: Option<&str>, measured: &Measured) -> Self {
        let cluster = &measured.snapshot.cluster;
        let context = context.map(|it| (CONTEXT, it.to_owned()));
        let labels = context.into_iter().chain([
            ("namespace", cluster.namespace.clone()),
            ("cluster", cluster.name.clone()),
        ]);
        Self {
            labels: labels.collect(),
        }
    }

    fn set<const N: usize>(&self, metric: &Metric, labels: [(&'static str, &str); N], value: f64) {
        let mut all = self.labels.clone();
        all.extend(labels.map(|(name, value)| (name, value.to_owned())));
        metric.get_or_create(&all).set(value);
    }

    fn cluster(&self, metrics: &Metrics, measured: &Measured) {
        let (snapshot, health) = (&measured.snapshot, &measured.health);
        for verdict in [
            HealthVerdict::Healthy,
            HealthVerdict::Degraded,
            HealthVerdict::Critical,
        ] {
            let word = verdict.to_string().to_lowercase();
            self.set(
                &metrics.verdict,
                [("verdict", &word)],
                flag(verdict == health.verdict),
            );
        }
        let mut findings: BTreeMap<(FindingCode, Severity), u32> = BTreeMap::new();
        for finding in &health.findings {
            *findings
                .entry((finding.code, finding.severity))
                .or_default() += 1;
        }
        for ((code, severity), count) in findings {
            let labels = [
                ("code", code.to_string()),
                ("severity", severity.to_string()),
            ];
            let labels = [
                (labels[0].0, labels[0].1.as_str()),
                (labels[1].0, labels[1].1.as_str()),
            ];
            self.set(&metrics.findings, labels, f64::from(count));
        }
        let primaries = snapshot.primaries().count();
        let silent = snapshot.instances.iter().filter(|it| may_be_running(it));
        let silent = silent.count();
        self.set(&metrics.unknown, [], silent as f64);
        // A silent pod may be the primary: then nobody knows that there is none.
        if primaries > 0 || silent == 0 {
            self.set(&metrics.primaries, [], primaries as f64);
        }
        for set in &snapshot.stateful_sets {
            let component = set.component.to_string();
            let labels = [("component", component.as_str())];
            self.set(&metrics.wanted, labels, f64::from(set.wanted));
            self.set(&metrics.ready, labels, f64::from(set.ready));
        }
        if let Some(autoscaler) = &snapshot.autoscaler {
            for (metric, value) in [
                (&metrics.autoscaler_min, autoscaler.min),
                (&metrics.autoscaler_max, autoscaler.max),
                (&metrics.autoscaler_current, autoscaler.current),
                (&metrics.autoscaler_desired, autoscaler.desired),
            ] {
                self.set(metric, [("autoscaler", &autoscaler.name)], f64::from(value));
            }
        }
        self.throw_aways(metrics, snapshot);
        // Nobody can say 0 of a journal that was not read.
        if measured.operations.is_some()
            && let Some(unfinished) = snapshot.operation_unfinished()
        {
            self.set(&metrics.operation_unfinished, [], flag(unfinished));
        }
    }

    fn throw_aways(&self, metrics: &Metrics, snapshot: &Snapshot) {
        // Of those that were seen the age is told; how many there are only when all were.
        if snapshot.unseen(ObjectKind::ThrowAways).is_none() {
            let count = snapshot.throw_aways.len();
            self.set(&metrics.throw_aways, [], count as f64);
        }
        for server in &snapshot.throw_aways {
            if let Some(since) = server.since {
                let labels = [("server", server.name.as_str())];
                self.set(&metrics.throw_away_created, labels, seconds(since));
            }
        }
    }

    fn instance(&self, metrics: &Metrics, measured: &Measured, instance: &Instance) {
        let pod = [("pod", instance.name())];
        let Some(facts) = instance.facts() else {
            self.set(&metrics.instance_up, pod, 0.0);
            self.set(
                &metrics.instance_restarts,
                pod,
                f64::from(instance.pod.restarts),
            );
            return;
        };
        self.set(&metrics.instance_up, pod, 1.0);
        self.set(
            &metrics.instance_restarts,
            pod,
            f64::from(instance.pod.restarts),
        );
        self.set(
            &metrics.instance_primary,
            pod,
            flag(instance.role() == Role::Primary),
        );
        self.set(&metrics.instance_timeline, pod, f64::from(facts.timeline.0));
        self.set(&metrics.instance_started, pod, seconds(facts.started));
        self.set(
            &metrics.connections_max,
            pod,
            f64::from(facts.settings.max_connections),
        );
        self.set(
            &metrics.prepared,
            pod,
            f64::from(facts.prepared_transactions),
        );
        self.set(&metrics.wal, pod, facts.usage.wal_bytes as f64);
        for (metric, value) in [
            (&metrics.disk_size, facts.usage.size_bytes),
            (&metrics.disk_used, facts.usage.used_bytes),
            (&metrics.disk_available, facts.usage.available_bytes),
        ] {
            if let Some(value) = value {
                self.set(metric, pod, value as f64);
            }
        }
        if let Some(age) = facts.oldest_transaction_seconds {
            self.set(&metrics.oldest_transaction, pod, age);
        }
        if let Some(archiver) = &facts.archiver {
            self.set(&metrics.archive_ready, pod, archiver.ready_segments as f64);
            self.set(&metrics.archive_failing, pod, flag(archiver.failing));
        }
        for slot in &facts.slots {
            let labels = [("pod", instance.name()), ("slot", slot.name.as_str())];
            self.set(&metrics.slot_active, labels, flag(slot.active));
            self.set(&metrics.slot_retained, labels, slot.retained_bytes as f64);
            self.set(&metrics.slot_lost, labels, flag(slot.is_lost()));
            if let Some(safe) = slot.safe_wal_bytes {
                self.set(&metrics.slot_safe, labels, safe as f64);
            }
        }
        if let Some(counted) = measured.connections.get(instance.name()) {
            // Nobody there is known, too.
            let mut states = BTreeMap::from(USUAL_STATES.map(|state| (state, 0)));
            states.extend(
                counted
                    .iter()
                    .map(|(state, count)| (state.as_str(), *count)),
            );
            for (state, count) in states {
                let labels = [("pod", instance.name()), ("state", state)];
                self.set(&metrics.connections, labels, count as f64);
            }
        }
    }

    fn standbys(&self, metrics: &Metrics, measured: &Measured) {
        let lag = &measured.health.lag;
        // Without the primary the lag is counted from a standby: the furthest would seem to lack nothing.
        let from_primary = lag.reference.as_ref().is_some_and(|it| it.is_primary);
        for standby in &lag.standbys {
            let pod = [("pod", standby.pod.as_str())];
            if let Some(streams) = streams(&measured.snapshot, standby) {
                self.set(&metrics.streaming, pod, flag(streams));
                let waited_for = standby.sync_state.is_some_and(|it| {
                    use crate::cluster::SyncState::{Async, Potential, Quorum, Sync};
                    match it {
                        Sync | Quorum => true,
                        Async | Potential => false,
                    }
                });
                self.set(&metrics.synchronous, pod, flag(waited_for));
            }
            if let Some(bytes) = standby.behind.bytes.filter(|_| from_primary) {
                self.set(&metrics.lag_bytes, pod, bytes as f64);
            }
            if let Some(TimeLag { seconds, .. }) = standby.behind.time.filter(|_| from_primary) {
                self.set(&metrics.lag_seconds, pod, seconds);
            }
        }
    }

    /// One kind says nothing of another: where one has failed, no other hides that.
    fn restored(&self, metrics: &Metrics, tests: &BTreeMap<RestoreTestKind, (Timestamp, bool)>) {
        let Some(last) = tests.values().map(|(at, _)| *at).max() else {
            return;
        };
        let all_worked = tests.values().all(|(_, worked)| *worked);
        self.set(&metrics.backup_restored, [], seconds(last));
        self.set(&metrics.backup_restorable, [], flag(all_worked));
        for (kind, (at, worked)) in tests {
            let kind = [("kind", kind.name())];
            self.set(&metrics.backup_kind_restored, kind, seconds(*at));
            self.set(&metrics.backup_kind_restorable, kind, flag(*worked));
        }
    }

    fn records(&self, metrics: &Metrics, measured: &Measured) {
        if let Some(up) = measured.store_up {
            self.set(&metrics.store_up, [], flag(up));
        }
        if let Some(backups) = &measured.backups {
            for (kind, count) in &backups.kinds {
                self.set(&metrics.backups, [("kind", kind)], *count as f64);
            }
            if let Some(newest) = backups.newest {
                self.set(&metrics.backup_newest, [], seconds(newest));
            }
            self.restored(metrics, &backups.restored);
        }
        if let Some(archive) = &measured.archive {
            if let Some(as_of) = archive.as_of {
                self.set(&metrics.wal_archive_as_of, [], seconds(as_of));
            }
            if let Some(found) = &archive.recoverable {
                self.set(&metrics.wal_archive_from, [], seconds(found.from));
                self.set(&metrics.wal_archive_to, [], seconds(found.to));
            }
            let gaps = archive.open_breaks.len();
            self.set(&metrics.wal_archive_gaps, [], gaps as f64);
        }
        let mut counted: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for operation in measured.operations.iter().flatten() {
            let kind = operation.kind.as_str();
            *counted
                .entry((kind, operation.outcome.as_str()))
                .or_default() += 1;
            if let Some(ended) = operation.ended {
                self.set(
                    &metrics.operation_last,
                    [("operation", kind)],
                    seconds(ended),
                );
            }
            if let Some(outage) = operation.outage_seconds {
                self.set(&metrics.write_outage, [], outage);
            }
        }
        for ((kind, outcome), count) in counted {
            let labels = [("operation", kind), ("outcome", outcome)];
            self.set(&metrics.operations, labels, f64::from(count));
        }
    }
}

/// Whether a pod streams; none when nobody who could know has answered. Whoever sends to it knows, and so does
/// a standby that receives nothing while the primary answers. One that receives from somebody who is silent
/// may stream, and what is silent itself may be the primary.
fn streams(snapshot: &Snapshot, standby: &StandbyLag) -> Option<bool> {
    if let Some(state) = &standby.stream {
        return Some(state == "streaming");
    }
    let facts = snapshot.instance(&standby.pod)?.facts()?;
    let receives = facts.recovery.as_ref()?.receiver.is_some();
    let primary_answers = snapshot.primaries().next().is_some();
    (primary_answers && !receives).then_some(false)
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
