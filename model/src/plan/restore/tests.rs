//! What planning a restore promises, and both plans run on a model: forwards, and back from every
//! step.

use std::collections::BTreeMap;

use super::fixture::{
    accepted, backup, logical, plan, recovery as recovery_way, request, target, to_a_moment,
};
use super::plan_restore;
use crate::cluster::fixture::{
    PRIMARY, cut_stream, facts, healthy, now, primary, recovery, replica, sender, service_for, stop,
};
use crate::cluster::{
    Component, ContainerState, ServicePurpose, SlotFacts, SlotKind, Snapshot, Timeline,
    throw_away_pod,
};
use crate::plan::common::remembered_selector;
use crate::plan::tests::moved_to_replica_0;
use crate::plan::{
    Action, CLOSED_BY, COMPONENT_LABEL, CheckName, CheckVerdict, Circumstances, Condition,
    DatabaseAction, ORIGINAL_SELECTOR, OnFailure, Plan, Refusal, RestoreAction,
    RestoreCircumstances, RestoreKind, RestoreRequest, ServingGoal, StepName, Undo, VolumeAction,
};

fn names(plan: &Plan) -> Vec<StepName> {
    plan.steps.iter().map(|step| step.name).collect()
}

fn refused(result: Result<Plan, Refusal>) -> Vec<CheckName> {
    let refusal = result.expect_err("it is refused");
    refusal.reasons().map(|check| check.check).collect()
}

#[test]
fn into_an_empty_cluster_nothing_is_replaced_and_everything_can_be_put_back() {
    let plan = accepted(logical(&request(), &[("postgres", false)]));
    assert_eq!(
        names(&plan),
        [
            StepName::CreateRoles,
            StepName::LoadDatabases,
            StepName::SwapDatabases,
            StepName::Follow,
        ]
    );
    assert_eq!(plan.point_of_no_return(), None);
}

#[test]
fn a_database_that_holds_data_is_replaced_only_when_asked_and_after_a_backup_of_it() {
    let here = [("postgres", false), ("shop", true)];
    assert_eq!(refused(logical(&request(), &here)), [CheckName::Databases]);
    let clean = RestoreRequest {
        clean: true,
        ..request()
    };
    let plan = accepted(logical(&clean, &here));
    let at = |name| names(&plan).iter().position(|it| *it == name);
    assert!(at(StepName::SwapDatabases) < at(StepName::SafetyBackup));
    assert!(at(StepName::SafetyBackup) < plan.point_of_no_return());
    assert_eq!(names(&plan).last(), Some(&StepName::DropReplaced));
    let bold = RestoreRequest {
        no_safety_backup: true,
        ..clean
    };
    assert!(!names(&accepted(logical(&bold, &here))).contains(&StepName::SafetyBackup));
}

#[test]
fn what_can_not_be_dropped_is_not_replaced() {
    let snapshot = healthy(1);
    let mut target = target(&[("shop", true)]);
    target.databases[0].logical_slots.push("feed".into());
    let clean = RestoreRequest {
        clean: true,
        ..request()
    };
    let backup = backup(RestoreKind::Logical, &snapshot);
    assert_eq!(
        refused(plan(&snapshot, &clean, backup, Some(target))),
        [CheckName::Databases]
    );
}

#[test]
fn one_database_goes_beside_the_present_one_with_only_the_roles_that_it_needs() {
    let beside = RestoreRequest {
        database: Some("shop".into()),
        rename: Some("shop_old".into()),
        ..request()
    };
    let plan = accepted(logical(&beside, &[("shop", true)]));
    let Action::Restore(RestoreAction::Databases(DatabaseAction::CreateRoles { roles, .. })) =
        &plan.steps[0].action
    else {
        panic!("{:?}", plan.steps[0]);
    };
    assert_eq!(roles, &["app"]);
    assert!(!names(&plan).contains(&StepName::DropReplaced));
}

#[test]
fn every_reason_is_told_at_once() {
    let mut snapshot = healthy(1);
    let primary = snapshot.instances[0].name().to_owned();
    let usage = &mut facts(&mut snapshot, &primary).usage;
    (usage.size_bytes, usage.used_bytes) = (Some(1 << 20), Some(1 << 20));
    usage.available_bytes = Some(0);
    let mut backup = backup(RestoreKind::Logical, &snapshot);
    backup.problems.push("a bit flipped".into());
    backup.server_version = 170_001;
    backup.databases[0].extensions.push("postgis".into());
    backup.databases[0].roles.push("nobody".into());
    let target = target(&[("shop", true)]);
    let found = refused(plan(&snapshot, &request(), backup, Some(target)));
    for check in [
        CheckName::Backup,
        CheckName::Version,
        CheckName::Space,
        CheckName::Databases,
        CheckName::Roles,
        CheckName::Extensions,
    ] {
        assert!(found.contains(&check), "{check} is not among {found:?}");
    }
}

#[test]
fn a_logical_backup_needs_a_primary_and_a_base_backup_does_not() {
    let mut snapshot = healthy(1);
    for name in [snapshot.instances[0].name().to_owned(), replica(0)] {
        stop(&mut snapshot, &name, ContainerState::Unknown);
    }
    let logical = backup(RestoreKind::Logical, &snapshot);
    assert!(refused(plan(&snapshot, &request(), logical, None)).contains(&CheckName::OnePrimary));
    let physical = backup(RestoreKind::Physical, &snapshot);
    let plan = accepted(plan(&snapshot, &request(), physical, None));
    assert!(
        names(&plan).contains(&StepName::KeepOthers),
        "all volumes are kept"
    );
}

#[test]
fn a_base_backup_is_not_taken_apart_and_fits_its_version_and_machine_only() {
    let snapshot = healthy(1);
    let mut physical = backup(RestoreKind::Physical, &snapshot);
    physical.server_version = 160_001;
    physical.architecture = "aarch64".into();
    let one = RestoreRequest {
        database: Some("shop".into()),
        ..request()
    };
    let found = refused(plan(&snapshot, &one, physical, Some(target(&[]))));
    for check in [
        CheckName::Version,
        CheckName::Architecture,
        CheckName::Databases,
    ] {
        assert!(found.contains(&check), "{check} is not among {found:?}");
    }
}

#[test]
fn archives_of_newer_tools_are_refused_when_the_pods_tools_can_not_read_them() {
    let snapshot = healthy(1);
    let of = |tool| {
        let mut backup = backup(RestoreKind::Logical, &snapshot);
        backup.tool_major = Some(tool);
        plan(&snapshot, &request(), backup, Some(target(&[])))
    };
    assert_eq!(refused(of(17)), [CheckName::Version]);
    assert!(of(15).is_ok_and(|plan| plan.warnings().all(|it| it.check != CheckName::Version)));
    assert!(of(14).is_ok());
}

#[test]
fn the_command_that_goes_on_has_what_it_takes() {
    let snapshot = healthy(1);
    let mut backup = backup(RestoreKind::Logical, &snapshot);
    backup.store = "/mnt/my backups".into();
    backup.encrypted = true;
    let plan = accepted(plan(&snapshot, &request(), backup, Some(target(&[]))));
    let command = plan.resume_command();
    assert!(
        command.ends_with(" --store '/mnt/my backups' --identity FILE"),
        "{command}"
    );
}

/// A cluster as far as a physical restore changes it.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    wanted: BTreeMap<String, u32>,
    /// What each claim's data directory holds: the data of before, or the restored data.
    data: BTreeMap<String, &'static str>,
    /// What each claim keeps beside it.
    kept: BTreeMap<String, &'static str>,
    unpacked: bool,
    open: bool,
    others_open: bool,
    primary: String,
    system: String,
    /// The pod that the write Service leads to; none while it is closed.
    service: Option<String>,
}

impl Model {
    fn of(snapshot: &Snapshot) -> Self {
        let claims = snapshot.volumes.iter().map(|it| (it.claim.clone(), "old"));
        Self {
            wanted: snapshot
                .stateful_sets
                .iter()
                .map(|set| (set.name.clone(), set.wanted))
                .collect(),
            data: claims.collect(),
            kept: BTreeMap::new(),
            unpacked: false,
            open: false,
            others_open: false,
            primary: snapshot.topology.primary.clone(),
            system: String::new(),
            service: snapshot
                .primary()
                .map_or(Some(&snapshot.topology.primary[..]), |it| Some(it.name()))
                .map(str::to_owned),
        }
    }

    fn runs(&self) -> bool {
        self.wanted.values().any(|count| *count > 0)
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Scale {
                stateful_set,
                replicas,
            } => {
                let open = self.open || self.others_open;
                assert!(*replicas == 0 || !open, "a volume is in use twice");
                self.wanted.insert(stateful_set.clone(), *replicas);
                // A pod that finds nothing copies what the primary has.
                for number in 0..*replicas {
                    let claim = format!("data-{stateful_set}-{number}");
                    self.data.entry(claim).or_insert("new");
                }
            }
            Action::WriteTopology {
                primary,
                system_identifier,
                ..
            } => {
                assert!(!self.runs(), "the topology changes under pods that run");
                self.primary.clone_from(primary);
                self.system.clone_from(system_identifier);
            }
            Action::PointService { service, pod, .. } if service.ends_with("write") => {
                self.service = Some(pod.clone());
            }
            Action::CloseService { service, .. } if service.ends_with("write") => {
                self.service = None;
            }
            Action::Restore(RestoreAction::Volume(action)) => self.restore(action),
            _ => {}
        }
    }

    fn restore(&mut self, action: &VolumeAction) {
        match action {
            VolumeAction::OpenVolume { .. } => {
                assert!(!self.runs(), "a volume is opened while pods run");
                self.open = true;
            }
            VolumeAction::CloseVolume { .. } => self.open = false,
            VolumeAction::OpenVolumes { .. } => {
                assert!(!self.runs(), "volumes are opened while pods run");
                self.others_open = true;
            }
            VolumeAction::CloseVolumes { .. } => self.others_open = false,
            VolumeAction::Unpack { .. } => self.unpacked = true,
            VolumeAction::RemoveUnpacked { .. } => self.unpacked = false,
            VolumeAction::SwapIn { volume, .. } => {
                assert!(self.open && self.unpacked);
                let old = self.data.insert(volume.claim.clone(), "new");
                self.kept.extend(old.map(|old| (volume.claim.clone(), old)));
                self.unpacked = false;
            }
            VolumeAction::SwapOut { volume, .. } => {
                if let Some(old) = self.kept.remove(&volume.claim) {
                    self.data.insert(volume.claim.clone(), old);
                    self.unpacked = true;
                }
            }
            VolumeAction::KeepAside { volumes, .. } => {
                for volume in volumes {
                    let old = self.data.remove(&volume.claim);
                    self.kept.extend(old.map(|old| (volume.claim.clone(), old)));
                }
            }
            VolumeAction::PutBack { volumes, .. } => {
                // It opens what is not open.
                assert!(!self.runs(), "data is put back under pods that run");
                self.others_open = true;
                for volume in volumes {
                    if let Some(old) = self.kept.remove(&volume.claim) {
                        self.data.insert(volume.claim.clone(), old);
                    }
                }
            }
            VolumeAction::ForgetSystem { .. } => self.system.clear(),
            VolumeAction::DeleteClaims { claims } => {
                for it in claims {
                    self.data.remove(&it.claim);
                }
            }
            // The volume is there, and what is recovered is as good as what was unpacked.
            VolumeAction::MakeClaim { .. }
            | VolumeAction::FetchWal { .. }
            | VolumeAction::Recover { .. }
            | VolumeAction::Discard { .. } => {}
            VolumeAction::MakeServerClaim { .. }
            | VolumeAction::Serve { .. }
            | VolumeAction::DeleteServer { .. } => panic!("no server is made beside the cluster"),
        }
    }

    /// The data of this claim is somewhere in it.
    fn has_old(&self, claim: &str) -> bool {
        self.data.get(claim) == Some(&"old") || self.kept.get(claim) == Some(&"old")
    }
}

/// Runs a plan up to a step, which may or may not have happened, and back.
fn there_and_back(plan: &Plan, before: &Model, end: usize, happened: bool) {
    let mut model = before.clone();
    let acted = if happened { end + 1 } else { end };
    for step in &plan.steps[..acted] {
        model.act(&step.action);
    }
    for step in plan.steps[..=end].iter().rev() {
        match &step.undo {
            Undo::Actions { actions, .. } => actions.iter().for_each(|it| model.act(it)),
            Undo::Nothing => {}
            Undo::PointOfNoReturn => return,
        }
    }
    // The term and the recorded system go on; what they say is what was.
    model.system.clone_from(&before.system);
    assert_eq!(
        &model, before,
        "after {} ({happened})",
        plan.steps[end].name
    );
}

fn physical(snapshot: &Snapshot) -> Plan {
    let backup = backup(RestoreKind::Physical, snapshot);
    accepted(plan(snapshot, &request(), backup, Some(target(&[]))))
}

#[test]
fn the_data_of_the_primary_is_never_gone_and_every_step_can_be_put_back() {
    for (snapshot, old) in [(healthy(3), None), (moved_to_replica_0(), Some(replica(0)))] {
        let plan = physical(&snapshot);
        let before = Model::of(&snapshot);
        let primary = old.unwrap_or_else(|| snapshot.instances[0].name().to_owned());
        let claim = snapshot
            .volumes
            .iter()
            .find(|it| it.pod == primary)
            .map(|it| it.claim.clone())
            .expect("it has a volume");
        let mut model = before.clone();
        for (index, step) in plan.steps.iter().enumerate() {
            for happened in [false, true] {
                there_and_back(&plan, &before, index, happened);
            }
            model.act(&step.action);
            assert!(model.has_old(&claim), "{} loses the only copy", step.name);
            let restored = format!("data-{}-0", primary_set(&snapshot));
            let runs = model.wanted[primary_set(&snapshot)] > 0;
            let proven = names(&plan)[..=index].contains(&StepName::ProveRestored);
            if runs && !proven && model.data.get(&restored) == Some(&"new") {
                assert_eq!(model.service, None, "{} lets clients in", step.name);
            }
            // Clients may write: somebody decides what becomes of it.
            let serves = model.service.is_some() && proven;
            if serves && step.on_failure == OnFailure::Stop {
                panic!("{} goes back by itself", step.name);
            }
        }
        let set = snapshot
            .stateful_set(Component::Primary)
            .expect("there is one");
        let home = format!("{}-0", set.name);
        assert_eq!(
            (&model.primary, &model.service),
            (&home, &Some(home.clone()))
        );
        assert_eq!(model.data.get(&format!("data-{home}")), Some(&"new"));
        assert!(
            !model
                .data
                .iter()
                .any(|(name, data)| *data == "old" && !name.contains(&home)),
            "a replica starts from the data of before: {model:?}"
        );
    }
}

fn primary_set(snapshot: &Snapshot) -> &str {
    let set = snapshot.stateful_set(Component::Primary);
    set.map(|it| it.name.as_str()).expect("there is one")
}

#[test]
fn the_write_service_is_closed_before_anything_is_stopped_and_opened_by_the_proof_alone() {
    for snapshot in [healthy(2), moved_to_replica_0()] {
        let plan = physical(&snapshot);
        let at = |name| names(&plan).iter().position(|it| *it == name);
        assert_eq!(at(StepName::CloseService), Some(0));
        assert!(at(StepName::ProveRestored) < at(StepName::PointService));
        let start = plan.step(StepName::StartPrimary).expect("it starts");
        assert!(matches!(
            start.requires[..],
            [Condition::ServiceClosed { .. }]
        ));
        let close = plan.step(StepName::CloseService).expect("it closes");
        let (Action::CloseService { remember, .. }, Undo::Actions { actions, .. }) =
            (&close.action, &close.undo)
        else {
            panic!("{close:?}");
        };
        let service = snapshot.service(ServicePurpose::Write).expect("one");
        let [
            Action::PointService {
                selector,
                remember: back,
                ..
            },
        ] = &actions[..]
        else {
            panic!("{actions:?}");
        };
        assert_eq!(selector, &service.selector, "exactly as before");
        assert_eq!(back, &remembered_selector(service));
        assert!(!remember.contains_key(CLOSED_BY));
    }
}

#[test]
fn readers_do_not_come_to_a_primary_that_is_not_proven() {
    let mut snapshot = moved_to_replica_0();
    let plan = physical(&snapshot);
    assert!(plan.step(StepName::CloseReads).is_none());
    let home = [(COMPONENT_LABEL.to_owned(), "replica".to_owned())];
    let service = service_for(&mut snapshot, ServicePurpose::Read);
    service.selector = [("app".to_owned(), "pg".to_owned())].into();
    let json = serde_json::to_string(&BTreeMap::from(home.clone())).expect("JSON");
    service.annotations.insert(ORIGINAL_SELECTOR.into(), json);
    let both = service.selector.clone();
    let plan = physical(&snapshot);
    let step = plan.step(StepName::CloseReads).expect("it is closed");
    let Action::CloseService { selector, .. } = &step.action else {
        panic!("{step:?}");
    };
    assert_eq!(selector, &BTreeMap::from(home));
    let Undo::Actions { actions, .. } = &step.undo else {
        panic!("{step:?}");
    };
    let [Action::PointService { selector, .. }] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(selector, &both);
    let at = |name| names(&plan).iter().position(|it| *it == name);
    assert!(at(StepName::CloseReads) < at(StepName::StartPrimary));
}

#[test]
fn a_service_that_a_dead_restore_has_closed_is_opened_by_the_next() {
    let mut snapshot = healthy(1);
    let service = service_for(&mut snapshot, ServicePurpose::Write);
    service
        .selector
        .insert(COMPONENT_LABEL.into(), "primary".into());
    let open = service.selector.clone();
    service
        .selector
        .insert(CLOSED_BY.into(), "restore-20200101T000000Z".into());
    service.endpoints.clear();
    let plan = physical(&snapshot);
    let opened = plan.step(StepName::PointService).map(|it| &it.action);
    let Some(Action::PointService { selector, .. }) = opened else {
        panic!("{opened:?}");
    };
    assert_eq!(selector, &open);
}

#[test]
fn a_claim_that_is_being_deleted_is_neither_gone_nor_of_use() {
    let mut snapshot = healthy(1);
    snapshot.volumes[1].deleting_since = Some(now());
    let plan = physical(&snapshot);
    assert!(plan.warnings().any(|it| it.check == CheckName::Volume));
    snapshot.volumes[0].deleting_since = Some(now());
    let physical = backup(RestoreKind::Physical, &snapshot);
    let found = self::plan(&snapshot, &request(), physical, Some(target(&[])));
    assert_eq!(refused(found), [CheckName::Volume]);
}

#[test]
fn a_restore_is_done_when_readers_have_somebody_to_ask() {
    let plan = physical(&healthy(2));
    let start = plan.step(StepName::StartReplicas).expect("replicas");
    let Condition::Serving(ServingGoal { service, pods, .. }) = &start.proves else {
        panic!("{:?}", start.proves);
    };
    assert_eq!(service.as_deref(), Some("staging-postgres-read"));
    assert_eq!(pods.len(), 2);
}

/// Ways in which a replica's data may be more than a copy of what the primary has; the first is
/// none.
const ASTRAY: [&str; 8] = [
    "copy",
    "stopped",
    "another system",
    "another timeline",
    "streams from nowhere",
    "catches up",
    "its stream is on another timeline",
    "no pod",
];

fn lead_astray(snapshot: &mut Snapshot, ordinal: u32, how: &str) {
    let name = replica(ordinal);
    match how {
        "copy" => {}
        "stopped" => stop(snapshot, &name, ContainerState::Unknown),
        "another system" => facts(snapshot, &name).system_identifier = "1".into(),
        "another timeline" => facts(snapshot, &name).timeline = Timeline(2),
        "streams from nowhere" => cut_stream(snapshot, ordinal),
        "catches up" => sender(snapshot, ordinal).state = "catchup".into(),
        "its stream is on another timeline" => {
            let receiver = recovery(snapshot, ordinal).receiver.as_mut();
            receiver.expect("it streams").timeline = Timeline(2);
        }
        "no pod" => {
            stop(snapshot, &name, ContainerState::Unknown);
            snapshot.instances.retain(|it| it.name() != name);
        }
        other => panic!("{other}"),
    }
}

/// Every way of two replicas, with a primary that answers and without: no claim loses what only it
/// may have, and a plan leads back from each of its steps.
#[test]
fn no_claim_that_may_be_the_only_copy_is_ever_deleted() {
    for (one, other) in ASTRAY.iter().flat_map(|a| ASTRAY.map(|b| (*a, b))) {
        for answers in [true, false] {
            let mut snapshot = healthy(2);
            lead_astray(&mut snapshot, 0, one);
            lead_astray(&mut snapshot, 1, other);
            if !answers {
                stop(&mut snapshot, PRIMARY, ContainerState::Unknown);
            }
            let plan = physical(&snapshot);
            let before = Model::of(&snapshot);
            let mut model = before.clone();
            for (index, step) in plan.steps.iter().enumerate() {
                for happened in [false, true] {
                    there_and_back(&plan, &before, index, happened);
                }
                model.act(&step.action);
                let proven = names(&plan)[..=index].contains(&StepName::ProveRestored);
                for claim in before.data.keys() {
                    let copy = answers
                        && [(0, one), (1, other)].iter().any(|(ordinal, how)| {
                            *how == "copy" && claim.ends_with(&replica(*ordinal))
                        });
                    assert!(
                        model.has_old(claim) || (copy && proven),
                        "{one}, {other}, {answers}: {} loses {claim}",
                        step.name
                    );
                }
            }
            let left: Vec<_> = model.data.iter().filter(|(_, it)| **it == "old").collect();
            assert!(left.is_empty(), "{one}, {other}, {answers}: {left:?} stay");
        }
    }
}

#[test]
fn a_claim_without_a_volume_is_neither_opened_nor_deleted() {
    let mut snapshot = healthy(2);
    stop(&mut snapshot, &replica(1), ContainerState::Unknown);
    for phase in ["Pending", "Lost"] {
        snapshot.volumes[2].phase = phase.into();
        let plan = physical(&snapshot);
        assert!(plan.step(StepName::OpenOthers).is_none(), "{phase}");
        let Some(Action::Restore(RestoreAction::Volume(VolumeAction::DeleteClaims { claims }))) =
            plan.step(StepName::RenewReplicas).map(|step| &step.action)
        else {
            panic!("the other replica is a copy");
        };
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].claim, format!("data-{}", replica(0)));
        assert_eq!(claims[0].created, snapshot.volumes[1].created);
    }
}

#[test]
fn commits_wait_for_standbys_again_once_they_follow_as_recorded_or_as_it_was() {
    let set = |snapshot: &Snapshot| {
        let plan = physical(snapshot);
        let step = plan.step(StepName::SetSynchronous).cloned();
        if step.is_some() {
            let at = |name| names(&plan).iter().position(|it| *it == name);
            assert!(at(StepName::StartReplicas) < at(StepName::SetSynchronous));
        }
        step.map(|it| {
            assert_eq!(it.on_failure, OnFailure::Report);
            assert!(matches!(it.requires[0], Condition::Streaming { .. }));
            let Action::SetSynchronous { pod, names } = it.action else {
                panic!("{:?}", it.action);
            };
            assert_eq!(pod, PRIMARY);
            names
        })
    };
    let mut snapshot = healthy(2);
    assert_eq!(set(&snapshot), None);
    primary(&mut snapshot).settings.synchronous_standby_names = "ANY 1 (\"x\")".into();
    let names = |count| format!("ANY {count} (\"{}\", \"{}\")", replica(0), replica(1));
    assert_eq!(set(&snapshot), Some(names(1)));
    snapshot.topology.synchronous = Some(2);
    assert_eq!(set(&snapshot), Some(names(2)));
    snapshot.topology.synchronous = Some(3);
    assert_eq!(set(&snapshot), None, "every commit would wait for ever");
    snapshot.topology.synchronous = Some(0);
    assert_eq!(set(&snapshot), None, "it was switched off");
}

#[test]
fn nothing_is_scaled_down_that_deletes_its_volumes() {
    let mut snapshot = healthy(1);
    let physical = backup(RestoreKind::Physical, &snapshot);
    let logical = backup(RestoreKind::Logical, &snapshot);
    snapshot.stateful_sets[1].deletes_claims = true;
    let found = plan(&snapshot, &request(), physical, Some(target(&[])));
    assert_eq!(refused(found), [CheckName::Volume]);
    // Nothing is scaled for a logical one.
    accepted(plan(&snapshot, &request(), logical, Some(target(&[]))));
}

#[test]
fn what_a_restore_cuts_off_is_told() {
    let mut snapshot = healthy(1);
    let facts = primary(&mut snapshot);
    facts.slots.push(SlotFacts {
        invalidation: None,
        name: "feed".into(),
        kind: SlotKind::Logical {
            database: "shop".into(),
            plugin: "pgoutput".into(),
            failover: false,
            synced: false,
        },
        ..facts.slots[0].clone()
    });
    let plan = physical(&snapshot);
    let told: Vec<String> = plan.warnings().map(|it| it.reason.clone()).collect();
    assert!(told.iter().any(|it| it.contains("feed")), "{told:?}");
}

#[test]
fn the_copies_of_replicas_go_only_when_the_restored_data_answers() {
    let plan = physical(&healthy(3));
    let at = |name| names(&plan).iter().position(|it| *it == name);
    assert!(at(StepName::ProveRestored) < at(StepName::RenewReplicas));
    assert_eq!(plan.point_of_no_return(), at(StepName::RenewReplicas));
    let renew = plan
        .step(StepName::RenewReplicas)
        .expect("there are copies");
    assert!(matches!(renew.requires[0], Condition::Writable { .. }));
    let replicas = plan
        .step(StepName::StartReplicas)
        .expect("there are replicas");
    assert_eq!(replicas.on_failure, OnFailure::Report);
}

#[test]
fn the_new_timeline_is_above_all_that_exist() {
    let snapshot = moved_to_replica_0();
    let plan = physical(&snapshot);
    let recover = plan.step(StepName::Recover).map(|step| &step.action);
    assert!(matches!(
        recover,
        Some(Action::Restore(RestoreAction::Volume(
            VolumeAction::Recover { above: 2, .. }
        )))
    ));
}

#[test]
fn a_plan_survives_being_stored() {
    for plan in [
        physical(&healthy(2)),
        accepted(logical(&request(), &[("postgres", false)])),
    ] {
        let json = serde_json::to_string(&plan).expect("a plan can be stored");
        let back: Plan = serde_json::from_str(&json).expect("a plan can be read back");
        assert_eq!(back, plan);
        assert!(
            plan.checks
                .iter()
                .all(|check| check.verdict != CheckVerdict::Refuse)
        );
    }
}

#[test]
fn the_wal_of_a_moment_is_fetched_between_the_backup_and_the_recovery() {
    let snapshot = healthy(2);
    let plan = accepted(to_a_moment(&snapshot, recovery_way(&[])));
    let at = |name| names(&plan).iter().position(|it| *it == name);
    assert!(at(StepName::Unpack) < at(StepName::FetchWal));
    assert_eq!(
        at(StepName::FetchWal).map(|it| it + 1),
        at(StepName::Recover)
    );
    let recover = plan.step(StepName::Recover).expect("it recovers");
    let Action::Restore(RestoreAction::Volume(VolumeAction::Recover { above, target, .. })) =
        &recover.action
    else {
        panic!("{recover:?}");
    };
    // The newest timeline of the archive is none of this cluster's.
    assert_eq!((*above, target.is_some()), (4, true));
    assert!(
        plan.warnings()
            .any(|it| it.check == CheckName::RecoveryTarget)
    );
    // Whoever goes on fetches what is not there yet.
    let fetch = plan.step(StepName::FetchWal).expect("it fetches");
    assert!(matches!(&fetch.action, Action::Restore(action) if action.reads_backup()));
    let stored: Plan =
        serde_json::from_str(&serde_json::to_string(&plan).expect("a document")).expect("a plan");
    assert_eq!(stored, plan);
    let before = Model::of(&snapshot);
    for index in 0..plan.steps.len() {
        for happened in [false, true] {
            there_and_back(&plan, &before, index, happened);
        }
    }
}

#[test]
fn a_segment_that_is_not_whole_is_named_and_refused() {
    let broken = recovery_way(&["00000002000000000000000A: its SHA-256 is another"]);
    let refusal = to_a_moment(&healthy(2), broken).expect_err("it is not whole");
    let reasons: Vec<_> = refusal.reasons().collect();
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0].check, CheckName::ArchivedWal);
    assert!(reasons[0].reason.contains("00000002000000000000000A"));
}

#[test]
fn the_wal_has_to_fit_too() {
    let mut snapshot = healthy(1);
    let primary = snapshot.instances[0].name().to_owned();
    let usage = &mut facts(&mut snapshot, &primary).usage;
    (usage.size_bytes, usage.used_bytes) = (Some(1 << 30), Some(1 << 20));
    usage.available_bytes = Some(100 << 20);
    assert_eq!(
        refused(to_a_moment(&snapshot, recovery_way(&[]))),
        [CheckName::Space]
    );
}

/// Into a throw-away server nothing of the cluster is named by any step but the template that its pod is made after.
#[test]
fn a_throw_away_server_touches_nothing_of_the_cluster() {
    let snapshot = healthy(2);
    let beside = |kind, in_the_way: &[&str], recovery| {
        let found = RestoreCircumstances {
            backup: backup(kind, &snapshot),
            target: Some(target(&[("shop", true)])),
            recovery,
            in_the_way: in_the_way.iter().map(|it| (*it).to_owned()).collect(),
        };
        let request = RestoreRequest {
            into: Some("look".into()),
            ..request()
        };
        plan_restore(
            &snapshot,
            &request,
            &Circumstances::default(),
            &found,
            now(),
        )
    };
    let plan = accepted(beside(RestoreKind::Physical, &[], Some(recovery_way(&[]))));
    assert_eq!(
        names(&plan),
        [
            StepName::MakeVolume,
            StepName::OpenVolume,
            StepName::Unpack,
            StepName::FetchWal,
            StepName::Recover,
            StepName::KeepOld,
            StepName::StartServer,
        ]
    );
    assert_eq!(plan.point_of_no_return(), None);
    // What has been made goes with the first step, whichever has failed.
    assert!(matches!(plan.steps[0].undo, Undo::Actions { .. }));
    let pod = throw_away_pod(&snapshot.cluster, "look");
    for step in &plan.steps {
        let text = serde_json::to_string(&(&step.action, &step.proves)).expect("JSON");
        assert!(text.contains(&pod), "{text}");
        for instance in &snapshot.instances {
            assert!(!text.contains(instance.name()), "{text}");
        }
    }
    assert!(
        plan.resume_command()
            .contains("restore --into look --resume")
    );
    assert!(plan.abort_command().contains("restore --into look --abort"));
    let taken = beside(RestoreKind::Physical, &["a claim data-x"], None);
    assert_eq!(refused(taken), [CheckName::Target]);
    let sql = beside(RestoreKind::Logical, &[], None);
    assert_eq!(refused(sql), [CheckName::Databases]);
}
