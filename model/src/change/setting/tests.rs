use std::collections::BTreeMap;

use super::*;
use crate::change::ChangeCheck;
use crate::cluster::fixture::{server_config, setting};
use crate::cluster::{
    DeployedConfig, FileEntry, NoAnswer, PodAnswer, Role, ServerConfig, Setting, UnknownSetting,
};
use crate::plan::CheckVerdict;

const PODS: [&str; 3] = ["primary-0", "replica-0", "replica-1"];

/// A primary and two standbys, and what is known around them.
struct World {
    answers: Vec<PodAnswer<ServerConfig>>,
    chosen: Vec<String>,
    deployed: Vec<DeployedConfig>,
    unseen: Vec<String>,
    memory_limits: BTreeMap<String, Option<u64>>,
    not_taken: BTreeMap<String, String>,
}

impl World {
    fn new() -> Self {
        let answers = PODS.map(|pod| {
            let mut answer = server_config(pod, &[]);
            answer.role = match pod {
                "primary-0" => Role::Primary,
                _ => Role::Standby,
            };
            if let Ok(config) = &mut answer.answer {
                config.settings = settings();
                config.loaded = "1".to_owned();
            }
            answer
        });
        Self {
            answers: answers.to_vec(),
            chosen: PODS.map(str::to_owned).to_vec(),
            deployed: Vec::new(),
            unseen: Vec::new(),
            memory_limits: PODS.map(|it| (it.to_owned(), Some(2 << 30))).into(),
            not_taken: BTreeMap::new(),
        }
    }

    fn config(&mut self, pod: usize) -> &mut ServerConfig {
        self.answers[pod].answer.as_mut().expect("it answers")
    }

    fn setting(&mut self, pod: usize, name: &str) -> &mut Setting {
        let settings = &mut self.config(pod).settings;
        let found = settings.iter_mut().find(|it| it.name == name);
        found.expect("a setting of the fixture")
    }

    /// What ALTER SYSTEM has left.
    fn altered(&mut self, pod: usize, name: &str, value: &str) {
        let entry = FileEntry {
            file: Some("/data/postgresql.auto.conf".to_owned()),
            line: Some(3),
            name: Some(name.to_owned()),
            value: Some(value.to_owned()),
            applied: true,
            error: None,
        };
        self.config(pod).files.get_or_insert_default().push(entry);
    }

    fn ground(&self) -> SettingGround<'_> {
        SettingGround {
            answers: &self.answers,
            chosen: &self.chosen,
            deployed: &self.deployed,
            unseen: &self.unseen,
            memory_limits: &self.memory_limits,
            not_taken: &self.not_taken,
            unfinished: None,
        }
    }

    fn plan(&self, requests: &[(&str, Option<&str>)]) -> Result<SettingPlan, UnknownSetting> {
        let requests: Vec<SettingRequest> = requests
            .iter()
            .map(|(name, value)| SettingRequest {
                name: (*name).to_owned(),
                value: value.map(str::to_owned),
            })
            .collect();
        plan_settings(&requests, &self.ground())
    }

    fn set(&self, name: &str, value: &str) -> SettingPlan {
        self.plan(&[(name, Some(value))]).expect("it is known")
    }

    fn refusal(&self, name: &str, value: &str) -> ChangeCheck {
        let checks = self.set(name, value).proposal.checks;
        let refused = checks
            .into_iter()
            .find(|it| it.verdict == CheckVerdict::Refuse);
        refused.unwrap_or_else(|| panic!("{name} = {value} is not refused"))
    }
}

fn settings() -> Vec<Setting> {
    let number = |name: &str, value: &str, unit: Option<&str>, context: &str| Setting {
        kind: "integer".to_owned(),
        unit: unit.map(str::to_owned),
        context: context.to_owned(),
        source: "default".to_owned(),
        file: None,
        line: None,
        default: Some(value.to_owned()),
        min: Some("0".to_owned()),
        max: Some("2147483647".to_owned()),
        ..setting(name, value)
    };
    let word = |name: &str, value: &str| Setting {
        source: "default".to_owned(),
        file: None,
        line: None,
        ..setting(name, value)
    };
    vec![
        number("work_mem", "4096", Some("kB"), "user"),
        number("shared_buffers", "16384", Some("8kB"), "postmaster"),
        number("max_connections", "100", None, "postmaster"),
        number("max_locks_per_transaction", "64", None, "postmaster"),
        number("max_replication_slots", "16", None, "postmaster"),
        number("max_wal_senders", "16", None, "postmaster"),
        number("superuser_reserved_connections", "3", None, "postmaster"),
        number("block_size", "8192", None, "internal"),
        word("archive_command", ""),
        word("primary_conninfo", ""),
        word("port", "5432"),
        word("fsync", "on"),
    ]
}

fn steps(plan: &SettingPlan) -> Vec<(&str, &'static str)> {
    let word = |step: &SettingStep| match step {
        SettingStep::Set => "set",
        SettingStep::Reload => "reload",
        SettingStep::AlreadySo => "already",
        SettingStep::Waits(_) => "waits",
        SettingStep::Silent(_) => "silent",
    };
    plan.rows
        .iter()
        .map(|it| (it.pod.as_str(), word(&it.step)))
        .collect()
}

#[test]
fn a_setting_is_set_on_every_server_and_the_way_back_is_told() {
    let world = World::new();
    let plan = world.set("Work_Mem", "8MB");
    assert_eq!(plan.proposal.title, "work_mem = 8MB on all 3 servers");
    assert!(!plan.proposal.is_refused(), "{:?}", plan.proposal.checks);
    assert_eq!(
        plan.proposal.facts,
        ["all: work_mem is 4MB (default) and becomes 8MB"]
    );
    assert!(plan.rows.iter().all(|it| it.step == SettingStep::Set));
    assert_eq!(plan.proposal.undo, ["pgctl config unset work_mem"]);
}

#[test]
fn what_was_there_before_is_put_back_server_by_server() {
    let mut world = World::new();
    world.altered(1, "work_mem", "5MB");
    let plan = world.set("work_mem", "8MB");
    assert_eq!(
        plan.proposal.undo,
        [
            "pgctl config unset work_mem --pod primary-0 --pod replica-1",
            "pgctl config set work_mem=5MB --pod replica-0"
        ]
    );
}

#[test]
fn the_same_again_does_nothing() {
    let mut world = World::new();
    for pod in 0..3 {
        world.altered(pod, "work_mem", "8MB");
        world.setting(pod, "work_mem").value = "8192".to_owned();
    }
    let plan = world.set("work_mem", "8192kB");
    assert!(plan.is_idle(), "{:?}", plan.rows);
    assert!(world.plan(&[("fsync", None)]).expect("known").is_idle());
}

#[test]
fn one_that_does_not_answer_costs_its_row() {
    let mut world = World::new();
    world.answers[2].answer = Err(NoAnswer::Silent("no answer within 5 s".to_owned()));
    let plan = world.set("work_mem", "8MB");
    assert!(!plan.proposal.is_refused());
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "set"),
            ("replica-0", "set"),
            ("replica-1", "silent")
        ]
    );
    let effects = setting_effects(&plan.rows, &[], &[]);
    assert_eq!(effects[2].result, SettingResult::NotDone);
    assert_eq!(effects[2].reason.as_deref(), Some("no answer within 5 s"));
}

#[test]
fn limits_are_raised_on_standbys_first_and_on_the_primary_once_they_run_with_them() {
    let name = "max_locks_per_transaction";
    let mut world = World::new();
    let plan = world.set(name, "128");
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "waits"),
            ("replica-0", "set"),
            ("replica-1", "set")
        ]
    );
    // The files have it, and nobody was restarted.
    for pod in [1, 2] {
        world.altered(pod, name, "128");
        world.setting(pod, name).pending_restart = true;
    }
    let plan = world.set(name, "128");
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "waits"),
            ("replica-0", "already"),
            ("replica-1", "already")
        ]
    );
    assert!(plan.is_idle());
    // One runs with it.
    world.setting(1, name).value = "128".to_owned();
    assert_eq!(steps(&world.set(name, "128"))[0], ("primary-0", "waits"));
    world.setting(2, name).value = "128".to_owned();
    assert_eq!(steps(&world.set(name, "128"))[0], ("primary-0", "set"));
    // Who does not answer may run with less.
    world.answers[2].answer = Err(NoAnswer::NotRunning);
    assert_eq!(steps(&world.set(name, "128"))[0], ("primary-0", "waits"));
}

#[test]
fn limits_are_lowered_on_the_primary_first_and_on_standbys_once_it_runs_with_them() {
    let name = "max_locks_per_transaction";
    let mut world = World::new();
    let plan = world.set(name, "32");
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "set"),
            ("replica-0", "waits"),
            ("replica-1", "waits")
        ]
    );
    world.altered(0, name, "32");
    world.setting(0, name).value = "32".to_owned();
    let plan = world.set(name, "32");
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "already"),
            ("replica-0", "set"),
            ("replica-1", "set")
        ]
    );
    // Without a primary nobody knows what its WAL needs.
    world.answers[0].answer = Err(NoAnswer::NotRunning);
    let plan = world.set(name, "32");
    assert_eq!(steps(&plan)[1].1, "waits");
}

#[test]
fn a_reset_goes_in_the_same_order() {
    let name = "max_locks_per_transaction";
    let mut world = World::new();
    for pod in 0..3 {
        world.altered(pod, name, "32");
        world.setting(pod, name).value = "32".to_owned();
        world.setting(pod, name).default = Some("64".to_owned());
    }
    let plan = world.plan(&[(name, None)]).expect("known");
    assert_eq!(
        steps(&plan),
        [
            ("primary-0", "waits"),
            ("replica-0", "set"),
            ("replica-1", "set")
        ]
    );
}

#[test]
fn what_the_deployment_has_is_changed_there() {
    let mut world = World::new();
    world.deployed.push(DeployedConfig {
        config_map: "postgres-config".to_owned(),
        key: "postgresql.conf".to_owned(),
        text: "\nwork_mem = '4MB'\n".to_owned(),
    });
    let check = world.refusal("work_mem", "8MB");
    assert_eq!(check.check, "deployment");
    assert_eq!(
        check.reason,
        "work_mem is in the deployment's ConfigMap postgres-config, key postgresql.conf, line 2 \
         (work_mem = 4MB): change it there"
    );
    // What overrules it may go.
    world.altered(0, "work_mem", "7MB");
    let plan = world.plan(&[("work_mem", None)]).expect("known");
    assert!(!plan.proposal.is_refused(), "{:?}", plan.proposal.checks);
    assert!(plan.proposal.undo.is_empty());
    assert!(
        plan.proposal
            .facts
            .iter()
            .any(|it| it.contains("not put back with pgctl"))
    );
}

#[test]
fn what_can_not_work_is_refused_with_its_reason() {
    let mut world = World::new();
    world.config(0).slots = 9;
    for (name, value, check) in [
        ("primary_conninfo", "host=x", "owner"),
        ("port", "5433", "owner"),
        ("block_size", "4096", "owner"),
        ("work_mem", "8mb", "value"),
        ("shared_buffers", "3GB", "memory"),
        ("superuser_reserved_connections", "100", "next start"),
        ("max_replication_slots", "5", "next start"),
        ("max_wal_senders", "1", "next start"),
    ] {
        assert_eq!(world.refusal(name, value).check, check, "{name}");
    }
    assert_eq!(
        world.refusal("work_mem", "8mb").next.as_deref(),
        Some("pgctl config set work_mem=8MB")
    );
    world
        .not_taken
        .insert("archive_command".to_owned(), "no".to_owned());
    assert_eq!(world.refusal("archive_command", "x").check, "value");
    let error = world
        .plan(&[("wrok_mem", Some("8MB"))])
        .expect_err("unknown");
    assert_eq!(error.nearest.as_deref(), Some("work_mem"));
}

#[test]
fn what_costs_data_is_said() {
    let world = World::new();
    let plan = world.set("fsync", "off");
    let checks = &plan.proposal.checks;
    let price = checks
        .iter()
        .find(|it| it.check == "price")
        .expect("a price");
    assert_eq!(price.verdict, CheckVerdict::Warn);
}

#[test]
fn no_secret_is_kept() {
    let mut world = World::new();
    world.altered(0, "archive_command", "push --password hunter1 %p");
    let plan = world.set("archive_command", "push --password hunter2 %p");
    let proposal = &plan.proposal;
    let kept = [
        vec![proposal.title.clone()],
        proposal.facts.clone(),
        proposal.undo.clone(),
    ];
    let kept = kept.concat().join("\n");
    assert!(!kept.contains("hunter"), "{kept}");
    assert!(kept.contains("is not kept"), "{kept}");
}

#[test]
fn what_came_of_it_is_told_for_each_server() {
    let mut world = World::new();
    let plan = world.set("shared_buffers", "256MB");
    for pod in 0..3 {
        world.altered(pod, "shared_buffers", "256MB");
        world.config(pod).loaded = "2".to_owned();
    }
    world.setting(0, "shared_buffers").pending_restart = true;
    world.config(2).loaded = "1".to_owned();
    let results = |world: &World| -> Vec<SettingResult> {
        let effects = setting_effects(&plan.rows, &world.answers, &[]);
        effects.iter().map(|it| it.result).collect()
    };
    assert_eq!(
        results(&world),
        [
            SettingResult::Restart,
            SettingResult::Taken,
            SettingResult::Unproven
        ]
    );
    world.config(2).files = Some(Vec::new());
    let failed = [(
        "replica-1".to_owned(),
        "shared_buffers".to_owned(),
        "it said no".to_owned(),
    )];
    let effects = setting_effects(&plan.rows, &world.answers, &failed);
    assert_eq!(effects[2].result, SettingResult::NotDone);
    assert_eq!(effects[2].reason.as_deref(), Some("it said no"));
    assert!(effects[2].is_left());
}

#[test]
fn a_reload_says_what_it_would_bring() {
    let mut world = World::new();
    world.altered(0, "work_mem", "9MB");
    let plan = plan_reload(&world.ground());
    assert_eq!(plan.proposal.title, "reload of the files of all 3 servers");
    assert_eq!(
        plan.proposal.facts,
        [
            "primary-0: work_mem is 4MB, and postgresql.auto.conf:3 says 9MB",
            "replica-0: its files say nothing new",
            "replica-1: its files say nothing new"
        ]
    );
    world.config(0).loaded = "2".to_owned();
    let effects = setting_effects(&plan.rows, &world.answers, &[]);
    assert_eq!(effects[0].setting.as_deref(), Some("work_mem"));
    assert_eq!(effects[0].result, SettingResult::Taken);
    assert_eq!(effects[1].result, SettingResult::Unproven);
}
