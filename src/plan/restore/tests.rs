//! What planning a restore promises, and both plans run on a model: forwards, and back from every
//! step.

use std::collections::BTreeMap;

use super::super::tests::moved_to_replica_0;
use super::super::{
    Action, CheckName, Condition, Grounds, OnFailure, Plan, Refusal, StepName, Undo, Verdict,
};
use super::{
    BackupFacts, DatabaseHere, DatabaseInBackup, RestoreAction, RestoreGrounds, RestoreKind,
    RestoreRequest, TargetFacts, plan_restore,
};
use crate::cluster::fixture::{facts, healthy, now, replica, stop};
use crate::cluster::{Component, ContainerState, Snapshot, Timeline};

pub(crate) fn backup(kind: RestoreKind, snapshot: &Snapshot) -> BackupFacts {
    BackupFacts {
        id: "s_s_20261123T155217Z_logical_3fa9".into(),
        store: "/backups".into(),
        kind,
        cluster: snapshot.cluster.clone(),
        taken: now(),
        server_version: 150_018,
        tool_major: Some(15),
        encrypted: false,
        architecture: "x86_64".into(),
        system_identifier: "7400000000000000001".into(),
        timeline: Timeline(1),
        raw_bytes: 1 << 20,
        problems: Vec::new(),
        main_file: Some("main".into()),
        roles: vec!["app".into(), "admin".into()],
        databases: vec![database("shop"), database("postgres")],
    }
}

fn database(name: &str) -> DatabaseInBackup {
    DatabaseInBackup {
        name: name.into(),
        file: format!("01-{name}.dump"),
        size_bytes: 1 << 20,
        has_content: name != "postgres",
        roles: vec!["app".into()],
        ..DatabaseInBackup::default()
    }
}

pub(crate) fn target(names: &[(&str, bool)]) -> TargetFacts {
    TargetFacts {
        databases: names
            .iter()
            .map(|(name, has_content)| DatabaseHere {
                name: (*name).into(),
                has_content: *has_content,
                connects: true,
                sessions: 2,
                ..DatabaseHere::default()
            })
            .collect(),
        roles: vec!["admin".into()],
        secret_roles: vec!["admin".into()],
        architecture: "x86_64".into(),
        ..TargetFacts::default()
    }
}

pub(crate) fn plan(
    snapshot: &Snapshot,
    request: &RestoreRequest,
    backup: BackupFacts,
    target: Option<TargetFacts>,
) -> Result<Plan, Refusal> {
    let found = RestoreGrounds { backup, target };
    plan_restore(snapshot, request, &Grounds::default(), &found, now())
}

pub(crate) fn logical(request: &RestoreRequest, names: &[(&str, bool)]) -> Result<Plan, Refusal> {
    let snapshot = healthy(2);
    let backup = backup(RestoreKind::Logical, &snapshot);
    plan(&snapshot, request, backup, Some(target(names)))
}

pub(crate) fn request() -> RestoreRequest {
    RestoreRequest {
        timeout_seconds: 60,
        ..RestoreRequest::default()
    }
}

fn names(plan: &Plan) -> Vec<StepName> {
    plan.steps.iter().map(|step| step.name).collect()
}

fn refused(result: Result<Plan, Refusal>) -> Vec<CheckName> {
    let refusal = result.expect_err("it is refused");
    refusal.reasons().map(|check| check.check).collect()
}

pub(crate) fn accepted(result: Result<Plan, Refusal>) -> Plan {
    result.unwrap_or_else(|refusal| panic!("{refusal}"))
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
    let Action::Restore(RestoreAction::CreateRoles { roles, .. }) = &plan.steps[0].action else {
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
    primary: String,
    system: String,
    service: String,
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
            primary: snapshot.topology.primary.clone(),
            system: String::new(),
            service: snapshot
                .primary()
                .map_or_else(String::new, |it| it.name().to_owned()),
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
                assert!(*replicas == 0 || !self.open, "a volume is in use twice");
                self.wanted.insert(stateful_set.clone(), *replicas);
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
            Action::PointService { pod, .. } => self.service.clone_from(pod),
            Action::Restore(action) => self.restore(action),
            _ => {}
        }
    }

    fn restore(&mut self, action: &RestoreAction) {
        match action {
            RestoreAction::OpenVolume { .. } => {
                assert!(!self.runs(), "a volume is opened while pods run");
                self.open = true;
            }
            RestoreAction::CloseVolume { .. } => self.open = false,
            RestoreAction::Unpack { .. } => self.unpacked = true,
            RestoreAction::RemoveUnpacked { .. } => self.unpacked = false,
            RestoreAction::SwapIn { volume, .. } => {
                assert!(self.open && self.unpacked);
                let old = self.data.insert(volume.claim.clone(), "new");
                self.kept.extend(old.map(|old| (volume.claim.clone(), old)));
                self.unpacked = false;
            }
            RestoreAction::SwapOut { volume, .. } => {
                if let Some(old) = self.kept.remove(&volume.claim) {
                    self.data.insert(volume.claim.clone(), old);
                    self.unpacked = true;
                }
            }
            RestoreAction::KeepAside { volumes, .. } => {
                for volume in volumes {
                    let old = self.data.remove(&volume.claim);
                    self.kept.extend(old.map(|old| (volume.claim.clone(), old)));
                }
            }
            RestoreAction::PutBack { volumes, .. } => {
                for volume in volumes {
                    if let Some(old) = self.kept.remove(&volume.claim) {
                        self.data.insert(volume.claim.clone(), old);
                    }
                }
            }
            RestoreAction::ForgetSystem { .. } => self.system.clear(),
            RestoreAction::DeleteClaims { claims } => {
                for claim in claims {
                    self.data.remove(claim);
                }
            }
            _ => {}
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
        }
        let set = snapshot
            .stateful_set(Component::Primary)
            .expect("there is one");
        let home = format!("{}-0", set.name);
        assert_eq!((&model.primary, &model.service), (&home, &home));
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
        Some(Action::Restore(RestoreAction::Recover { above: 2, .. }))
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
                .all(|check| check.verdict != Verdict::Refuse)
        );
    }
}
