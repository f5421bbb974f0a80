//! Changing passwords, step by step, from wherever it was left.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::super::context::Context;
use super::super::new_password::new_password;
use super::look::{RoleKey, Seen, differs, look};
use crate::change::{
    ChangeProposal, PasswordGround, PasswordStep, PasswordWay, StoredPassword, next_password_step,
    propose_password_change,
};
use crate::cluster::{ReplicationLogin, names};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Annotations, Call, CredentialsSource, Kube, KubeError, Verb};
use crate::observe::{OpenError, login, open, replication_login};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;

/// Between two looks.
const POLL: Duration = Duration::from_secs(1);

pub(super) struct Turn<'a> {
    pub(super) context: &'a Context,
    pub(super) kube: &'a Kube,
    pub(super) source: CredentialsSource,
    pub(super) superuser: String,
    pub(super) roles: Vec<RoleKey>,
    pub(super) way: PasswordWay,
    pub(super) given: Option<SecretString>,
    pub(super) wait: Duration,
    /// What is left, when the time was over.
    pub(super) left: Mutex<Option<String>>,
}

impl Turn<'_> {
    async fn look(&self) -> Result<Seen, KubeError> {
        look(self.context, self.kube, &self.source, &self.roles).await
    }

    /// For each role, whether a new password is wanted.
    fn fresh(&self, seen: &Seen) -> Vec<bool> {
        // They go side by side: where one has got so far, another that has none on its way has arrived.
        let late = seen.facts.iter().any(|it| it.has_previous);
        let begun = |has_next, has_previous| has_next || has_previous;
        let facts = seen.facts.iter();
        facts
            .map(|it| !late && !begun(it.has_next, it.has_previous))
            .collect()
    }

    fn say(&self, said: &mut String, line: &str) {
        if said != line && !self.context.quiet {
            let text = self.context.stderr().wrap(&plain(line), 2);
            self.context.telling.say(&format!("{text}\n"));
        }
        line.clone_into(said);
    }

    async fn do_step(
        &self,
        seen: &Seen,
        role: &RoleKey,
        step: &PasswordStep,
    ) -> Result<(), OpenError> {
        use StoredPassword::{Current, Next, Previous};
        let key = |which| role.of(which);
        let value = |which| seen.secret.value(&role.of(which)).cloned();
        let changes = match step {
            PasswordStep::WriteNext => {
                let new = self.given.clone().unwrap_or_else(new_password);
                vec![(key(Next), Some(new))]
            }
            PasswordStep::MakeCurrent => vec![
                (key(Previous), value(Current)),
                (key(Current), value(Next)),
                (key(Next), None),
            ],
            PasswordStep::ForgetPrevious => vec![(key(Previous), None)],
            PasswordStep::ForgetNext => vec![(key(Next), None)],
            PasswordStep::RestorePrevious => vec![
                (key(Current), value(Previous)),
                (key(Previous), None),
                (key(Next), None),
            ],
            PasswordStep::Alter(which) => {
                if let Some((password, primary)) = value(*which).zip(seen.primary.as_ref()) {
                    let open = seen.cluster.open(self.kube, primary).await?;
                    open.session.set_password(&role.role, &password).await?;
                }
                return Ok(());
            }
            PasswordStep::AwaitFiles(_) | PasswordStep::AwaitUse(_) | PasswordStep::Done => {
                return Ok(());
            }
        };
        self.kube
            .change_secret(&self.source, &seen.secret, &changes)
            .await?;
        self.hurry(seen).await;
        Ok(())
    }

    /// The kubelet brings a changed Secret within a minute, and at once into a pod that has changed itself. Without it
    /// everything only takes longer.
    async fn hurry(&self, seen: &Seen) {
        let namespace = &self.source.namespace;
        let mark = jiff::Timestamp::now().as_millisecond().to_string();
        let note = Annotations::from([(names::PASSWORD_CHANGE.to_owned(), Some(mark))]);
        let pods = seen.cluster.pods.iter();
        let notes = pods.map(|pod| self.kube.annotate_pod(namespace, &pod.name, &note));
        for told in futures::future::join_all(notes).await {
            drop(told);
        }
    }

    fn keep_left(&self, left: String) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(left);
    }

    async fn missing(&self) -> Result<Vec<String>, Failure> {
        let call = |resource| Call::new(Verb::Patch, "", resource).within(&self.source.namespace);
        let calls = [call("secrets"), call("pods")];
        let missing = self.kube.not_allowed(&calls).await?;
        let words = missing
            .iter()
            .map(|it| format!("{} {}", it.verb.as_str(), it.resource));
        Ok(words.collect())
    }
}

/// What is done, and what it waits for.
fn told(role: &str, step: &PasswordStep) -> String {
    match step {
        PasswordStep::WriteNext => format!("{role}: the new password goes into the Secret"),
        PasswordStep::AwaitFiles(pods) => {
            format!(
                "{role}: waiting until the pods have it ({})",
                pods.join("; ")
            )
        }
        PasswordStep::Alter(StoredPassword::Next) => {
            format!("{role}: the new password goes into the database")
        }
        PasswordStep::Alter(_) => format!("{role}: the password goes into the database"),
        PasswordStep::MakeCurrent => format!("{role}: it is the current one in the Secret"),
        PasswordStep::AwaitUse(pods) => {
            format!(
                "{role}: waiting until all log in with it ({})",
                pods.join("; ")
            )
        }
        PasswordStep::ForgetPrevious => format!("{role}: the old one goes out of the Secret"),
        PasswordStep::ForgetNext => format!("{role}: the new one goes out of the Secret"),
        PasswordStep::RestorePrevious => {
            format!("{role}: the one of before is the current one in the Secret again")
        }
        PasswordStep::Done => format!("{role}: done"),
    }
}

/// Its name for failpoints.
#[cfg(feature = "failpoints")]
fn name_of(step: &PasswordStep) -> &'static str {
    match step {
        PasswordStep::WriteNext => "write-next",
        PasswordStep::AwaitFiles(_) => "await-files",
        PasswordStep::Alter(_) => "alter",
        PasswordStep::MakeCurrent => "make-current",
        PasswordStep::AwaitUse(_) => "await-use",
        PasswordStep::ForgetPrevious => "forget-previous",
        PasswordStep::ForgetNext => "forget-next",
        PasswordStep::RestorePrevious => "restore-previous",
        PasswordStep::Done => "done",
    }
}

/// Where a test kills the process: `FAILPOINTS=passwords.alter.after=return`.
#[cfg(feature = "failpoints")]
fn failpoint(step: &PasswordStep, moment: &str) {
    let name = format!("passwords.{}.{moment}", name_of(step));
    fail::fail_point!(&name, |_| std::process::abort());
}

#[cfg(not(feature = "failpoints"))]
const fn failpoint(_: &PasswordStep, _: &str) {}

const fn is_wait(step: &PasswordStep) -> bool {
    match step {
        PasswordStep::AwaitFiles(_) | PasswordStep::AwaitUse(_) => true,
        PasswordStep::WriteNext
        | PasswordStep::Alter(_)
        | PasswordStep::MakeCurrent
        | PasswordStep::ForgetPrevious
        | PasswordStep::ForgetNext
        | PasswordStep::RestorePrevious
        | PasswordStep::Done => false,
    }
}

impl SmallChange for Turn<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let seen = self.look().await?;
        if seen.primary.is_none() {
            let what = "no pod answers as the one primary; nothing was changed";
            return Err(Failure::new(ExitCode::Unreachable, what).next("pgctl status"));
        }
        let given = self.given.as_ref();
        Ok(propose_password_change(&PasswordGround {
            passwords: &seen.facts,
            way: self.way,
            secret: &self.source.secret,
            owner: seen.secret.owner,
            superuser: &self.superuser,
            given_differs: given.is_some_and(|it| differs(&seen.secret, &self.roles, it)),
            missing: &self.missing().await?,
            unfinished: around.unfinished.as_ref(),
        }))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let deadline = tokio::time::Instant::now() + self.wait;
        let mut fresh: Option<Vec<bool>> = None;
        let mut said = String::new();
        let mut trouble;
        loop {
            match self.look().await {
                Err(error) => trouble = error.to_string(),
                Ok(seen) if seen.primary.is_none() => {
                    trouble = "no pod answers as the one primary".to_owned();
                }
                Ok(seen) => {
                    let fresh = fresh.get_or_insert_with(|| self.fresh(&seen));
                    let steps: Vec<PasswordStep> = seen
                        .facts
                        .iter()
                        .zip(fresh.iter())
                        .map(|(facts, fresh)| next_password_step(facts, self.way, *fresh))
                        .collect();
                    if steps.iter().all(|it| *it == PasswordStep::Done) {
                        return Ok(());
                    }
                    // All begin before one goes on: who comes later sees from each that it was begun. Then, what
                    // can be done comes before what is waited for.
                    let begins = |it: &PasswordStep| *it == PasswordStep::WriteNext;
                    let ready = |it: &PasswordStep| !is_wait(it) && *it != PasswordStep::Done;
                    let at = steps.iter().position(begins);
                    let at = at.or_else(|| steps.iter().position(ready));
                    let shown = at.or_else(|| steps.iter().position(is_wait)).unwrap_or(0);
                    let line = told(&self.roles[shown].role, &steps[shown]);
                    self.say(&mut said, &line);
                    trouble = line;
                    if let Some(at) = at {
                        failpoint(&steps[at], "before");
                        match self.do_step(&seen, &self.roles[at], &steps[at]).await {
                            Ok(()) => {
                                failpoint(&steps[at], "after");
                                fresh[at] = false;
                                continue;
                            }
                            // Somebody has changed the Secret meanwhile: it is looked at anew.
                            Err(error) => trouble = error.to_string(),
                        }
                    }
                }
            }
            if tokio::time::Instant::now() >= deadline {
                self.keep_left(trouble);
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        if self.left().is_some() {
            return Ok(true);
        }
        let seen = self.look().await?;
        let mut credentials = self.kube.credentials(&self.source).await?;
        // Only the one that counts.
        credentials.others.clear();
        credentials.replication_others.clear();
        let timeout = self.context.timeout();
        let login = login(&credentials, timeout);
        let namespace = &self.source.namespace;
        let silent = |pod: &str| {
            let of = seen.facts.iter().flat_map(|it| &it.pods);
            of.filter(|it| it.pod == pod).any(|it| it.silent.is_some())
        };
        for pod in seen.facts.iter().flat_map(|it| &it.pods) {
            if !silent(&pod.pod) {
                open(self.kube, namespace, &pod.pod, &login).await?;
            }
        }
        let Some(primary) = &seen.primary else {
            return Ok(false);
        };
        let standbys =
            replication_login(self.kube, namespace, primary, &credentials, timeout).await;
        match standbys {
            ReplicationLogin::Refused { reason } => {
                self.keep_left(format!("{primary} lets no standby in: {reason}"));
                Ok(true)
            }
            ReplicationLogin::Works
            | ReplicationLogin::Unknown
            | ReplicationLogin::NoConnectionLeft { .. } => Ok(true),
        }
    }

    fn left(&self) -> Option<String> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.clone()
    }
}
