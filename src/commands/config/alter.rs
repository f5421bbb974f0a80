//! Changing settings on every server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::super::context::Context;
use super::unknown::unknown;
use crate::change::{
    ChangeProposal, PlannedSetting, SettingEffect, SettingGround, SettingPlan, SettingRequest,
    SettingResult, SettingStep, plan_reload, plan_settings, setting_effects,
};
use crate::cluster::{
    Lsn, PodAnswer, Role, STANDBY_LIMITS, ServerConfig, UnknownSetting, answered, not_a_value,
    silent, words,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{AskedCluster, OpenError, OpenPod};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;

/// How long a server may take to read its files.
const READING: Duration = Duration::from_secs(20);
/// How long a checkpoint may take.
const CHECKPOINT: Duration = Duration::from_secs(120);
/// Between two looks.
const POLL: Duration = Duration::from_millis(300);

/// What is to be done.
pub(super) enum Work {
    /// `ALTER SYSTEM`, and a reload. `command` is what was typed: `set`.
    Alter {
        requests: Vec<SettingRequest>,
        command: &'static str,
    },
    /// A reload only.
    Reload,
}

pub(super) struct AlterSettings<'a> {
    context: &'a Context,
    kube: &'a Kube,
    cluster: &'a AskedCluster,
    chosen: Vec<String>,
    work: Work,
    /// As it was proposed last.
    plan: Mutex<Option<SettingPlan>>,
    /// What servers said no with: pod, setting, why.
    failed: Mutex<Vec<(String, String, String)>>,
    effects: Mutex<Vec<SettingEffect>>,
}

impl<'a> AlterSettings<'a> {
    pub(super) fn new(
        context: &'a Context,
        kube: &'a Kube,
        cluster: &'a AskedCluster,
        chosen: Vec<String>,
        work: Work,
    ) -> Self {
        Self {
            context,
            kube,
            cluster,
            chosen,
            work,
            plan: Mutex::default(),
            failed: Mutex::default(),
            effects: Mutex::default(),
        }
    }

    async fn ask<T>(
        &self,
        pods: &[String],
        question: impl AsyncFn(&OpenPod<'_>) -> Result<T, OpenError>,
    ) -> Vec<PodAnswer<T>> {
        let limit = self.context.timeout();
        self.cluster.ask(self.kube, pods, limit, question).await
    }

    /// All servers, also those that it is not for: the order depends on them.
    async fn configs(&self) -> Result<Vec<PodAnswer<ServerConfig>>, Failure> {
        let all = self.cluster.choose(&[])?;
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.config().await?);
        let answers = self.ask(&all, question).await;
        let chosen = |pod: &String| self.chosen.contains(pod);
        if answered(&answers).any(|(it, _)| chosen(&it.pod)) {
            return Ok(answers);
        }
        let failure = Failure::new(
            ExitCode::Unreachable,
            "no server answers that it is for; nothing was changed",
        );
        let failure = silent(&answers)
            .filter(|(it, _)| chosen(&it.pod))
            .fold(failure, |failure, (it, why)| {
                failure.because(plain(&format!("{}: {why}", it.pod)))
            });
        Err(failure.next("pgctl status"))
    }

    /// What one of the servers has against the values, which nobody else can know.
    async fn not_taken(
        &self,
        requests: &[SettingRequest],
        answers: &[PodAnswer<ServerConfig>],
    ) -> BTreeMap<String, String> {
        let servers = answered(answers).filter(|(it, _)| self.chosen.contains(&it.pod));
        let Some((answer, config)) = servers.into_iter().next() else {
            return BTreeMap::new();
        };
        let question = async |pod: &OpenPod<'_>| {
            let mut not_taken = BTreeMap::new();
            for request in requests {
                let setting = config.setting(&request.name);
                let Some((setting, value)) = setting.zip(request.value.as_deref()) else {
                    continue;
                };
                // What is known to be wrong is said in better words.
                if not_a_value(setting, value).is_some() {
                    continue;
                }
                let why = pod.session.not_taken_as_setting(setting, value).await?;
                not_taken.extend(why.map(|why| (setting.name.clone(), why)));
            }
            Ok(not_taken)
        };
        let said = self.ask(std::slice::from_ref(&answer.pod), question).await;
        // One that does not answer any more says so when it is asked to do it.
        let said = said.into_iter().find_map(|it| it.answer.ok());
        said.unwrap_or_default()
    }

    /// The plan that this proposal is of.
    fn rows(&self, proposal: &ChangeProposal) -> Vec<PlannedSetting> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let same = plan
            .as_ref()
            .filter(|it| it.proposal.identity == proposal.identity);
        same.map(|it| it.rows.clone()).unwrap_or_default()
    }

    /// What a standby replays when it starts again begins at its last restartpoint: WAL from before the primary was
    /// restarted still asks for the limits of then. So that a lower one never meets it, even when the standby crashes a
    /// moment later, everybody gets past it first.
    async fn checkpoint_for_limits(
        &self,
        work: &[&PlannedSetting],
    ) -> Result<Option<Lsn>, NotDone> {
        if !work
            .iter()
            .any(|it| STANDBY_LIMITS.contains(&it.name.as_str()))
        {
            return Ok(None);
        }
        let changed = pods_of(work.iter().copied());
        let everybody = self.cluster.choose(&[]).unwrap_or_default();
        let roles = self.ask(&everybody, async |_: &OpenPod<'_>| Ok(())).await;
        let answering = || answered(&roles).map(|(it, ())| it);
        let mut standbys = answering().filter(|it| it.role == Role::Standby);
        let primary = answering().find(|it| it.role == Role::Primary);
        let Some(primary) = primary.filter(|_| standbys.any(|it| changed.contains(&it.pod))) else {
            return Ok(None);
        };
        let open = self.cluster.open(self.kube, &primary.pod).await?;
        let end = open.session.checkpoint_end(CHECKPOINT).await;
        let end = end.map_err(|error| NotDone::NothingChanged(error.to_string()))?;
        Ok(Some(end))
    }

    fn keep_effects(&self, effects: Vec<SettingEffect>) {
        *self.effects.lock().unwrap_or_else(PoisonError::into_inner) = effects;
    }
}

fn is_work(row: &PlannedSetting) -> bool {
    match row.step {
        SettingStep::Set | SettingStep::Reload => true,
        SettingStep::AlreadySo | SettingStep::Waits(_) | SettingStep::Silent(_) => false,
    }
}

fn pods_of<'a>(rows: impl IntoIterator<Item = &'a PlannedSetting>) -> Vec<String> {
    let mut pods: Vec<String> = rows.into_iter().map(|it| it.pod.clone()).collect();
    pods.sort();
    pods.dedup();
    pods
}

impl SmallChange for AlterSettings<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let (answers, (deployed, unseen)) = futures::join!(
            self.configs(),
            self.kube.deployed_config(&self.cluster.found)
        );
        let answers = answers?;
        let not_taken = match &self.work {
            Work::Alter { requests, .. } => self.not_taken(requests, &answers).await,
            Work::Reload => BTreeMap::new(),
        };
        let ground = SettingGround {
            answers: &answers,
            chosen: &self.chosen,
            deployed: &deployed,
            unseen: &unseen,
            memory_limits: &self.cluster.found.memory_limits(),
            not_taken: &not_taken,
            unfinished: around.unfinished.as_ref(),
        };
        let plan = match &self.work {
            Work::Alter { requests, command } => {
                let plan = plan_settings(requests, &ground);
                plan.map_err(|error| unknown_to_change(&error, requests, command))?
            }
            Work::Reload => plan_reload(&ground),
        };
        if plan.is_idle() {
            self.keep_effects(setting_effects(&plan.rows, &answers, &[]));
        }
        let proposal = plan.proposal.clone();
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
        Ok(proposal)
    }

    async fn act(&self, proposal: &ChangeProposal) -> Result<(), NotDone> {
        let rows = self.rows(proposal);
        let work: Vec<&PlannedSetting> = rows.iter().filter(|it| is_work(it)).collect();
        let end = self.checkpoint_for_limits(&work).await?;
        let question = async |open: &OpenPod<'_>| {
            let mut failed = Vec::new();
            if let Some(end) = end.filter(|_| open.role == Role::Standby) {
                open.session.restartpoint_past(end, CHECKPOINT).await?;
            }
            for row in work.iter().filter(|it| it.pod == open.pod.name) {
                if row.step != SettingStep::Set {
                    continue;
                }
                let session = &open.session;
                let set = session.alter_setting(&row.name, row.value.as_deref());
                if let Err(error) = set.await {
                    let unknown = error.outcome_unknown();
                    failed.push((row.name.clone(), error.to_string(), unknown));
                }
            }
            open.session.reload_files().await?;
            Ok(failed)
        };
        // A checkpoint takes its time.
        let limit = self.context.timeout() + end.map_or(Duration::ZERO, |_| CHECKPOINT * 2);
        let pods = pods_of(work.iter().copied());
        let answers = self.cluster.ask(self.kube, &pods, limit, question).await;
        let mut nothing = Vec::new();
        let mut failed = Vec::new();
        // Of those that gave no answer is looked whether it was done.
        for (answer, said) in answered(&answers) {
            let of_pod = work.iter().filter(|it| it.pod == answer.pod).count();
            if said.len() == of_pod && said.iter().all(|(.., unknown)| !unknown) {
                nothing.push(answer.pod.clone());
            }
            let said = said.iter();
            failed
                .extend(said.map(|(name, why, _)| (answer.pod.clone(), name.clone(), why.clone())));
        }
        let said = failed.first().map(|(pod, _, why)| format!("{pod}: {why}"));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        match said {
            Some(why) if nothing.len() == pods.len() => Err(NotDone::NothingChanged(why)),
            _ => Ok(()),
        }
    }

    async fn is_done(&self, proposal: &ChangeProposal) -> Result<bool, OpenError> {
        let rows = self.rows(proposal);
        let asked = pods_of(
            rows.iter()
                .filter(|it| !matches!(it.step, SettingStep::Silent(_))),
        );
        let failed = {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.clone()
        };
        let deadline = tokio::time::Instant::now() + READING;
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.config().await?);
        let effects = loop {
            let after = self.ask(&asked, &question).await;
            let effects = setting_effects(&rows, &after, &failed);
            let settled = effects
                .iter()
                .all(|it| it.result != SettingResult::Unproven);
            if settled || tokio::time::Instant::now() >= deadline {
                break effects;
            }
            tokio::time::sleep(POLL).await;
        };
        let worked = rows.iter().zip(&effects).any(|(row, effect)| {
            let there = matches!(effect.result, SettingResult::Taken | SettingResult::Restart);
            is_work(row) && there
        });
        self.keep_effects(effects);
        Ok(worked)
    }

    fn is_idle(&self) -> bool {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.as_ref().is_some_and(SettingPlan::is_idle)
    }

    fn effects(&self) -> Vec<SettingEffect> {
        let effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        effects.clone()
    }

    fn left(&self) -> Option<String> {
        let effects = self.effects();
        let left = effects.iter().filter(|it| it.is_left()).map(|it| {
            let what = match it.result {
                SettingResult::Waits => "waits",
                SettingResult::Unproven => "not proven",
                SettingResult::NotDone
                | SettingResult::Taken
                | SettingResult::Already
                | SettingResult::Restart => "not changed",
            };
            let name = it.setting.as_ref().map(|it| format!("{it} "));
            let why = it.reason.as_ref().map(|it| format!(", {it}"));
            format!(
                "{}: {}{what}{}",
                it.pod,
                name.unwrap_or_default(),
                why.unwrap_or_default()
            )
        });
        let left: Vec<String> = left.collect();
        (!left.is_empty()).then(|| left.join("; "))
    }
}

/// The command with the name that was probably meant.
fn unknown_to_change(
    error: &UnknownSetting,
    requests: &[SettingRequest],
    command: &str,
) -> Failure {
    let mut requests = requests.iter();
    let value = requests
        .find(|it| it.name == error.given)
        .and_then(|it| it.value.as_deref());
    let Some((nearest, value)) = error.nearest.as_deref().zip(value) else {
        return unknown(error, command);
    };
    let value = words::shell_word(value);
    Failure::new(ExitCode::Usage, error.to_string())
        .next(format!("pgctl config {command} {nearest}={value}"))
}
