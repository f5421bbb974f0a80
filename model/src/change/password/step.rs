//! What comes next.

use super::facts::{PasswordFacts, PodPassword, StoredPassword};

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordWay {
    /// To the new password.
    On,
    /// Back to the one of before.
    Back,
}

/// What comes next. Each sets a state, so that it may be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordStep {
    /// Puts a new password beside the current one, as `KEY-next`.
    WriteNext,
    /// Waits until the files of each pod have it; why not yet.
    AwaitFiles(Vec<String>),
    /// Sets this one in the database.
    Alter(StoredPassword),
    /// Makes the next one the current one, and keeps that as `KEY-previous`.
    MakeCurrent,
    /// Waits until each server has it, and each pod logs in with it; why not yet.
    AwaitUse(Vec<String>),
    /// Takes `KEY-previous` out: nothing needs it any more.
    ForgetPrevious,
    /// Takes `KEY-next` out.
    ForgetNext,
    /// Makes the previous one the current one again.
    RestorePrevious,
    /// Nothing: it is done.
    Done,
}

/// What comes next. `fresh` is whether a new password is wanted where none is on its way.
pub fn next_password_step(facts: &PasswordFacts, way: PasswordWay, fresh: bool) -> PasswordStep {
    match way {
        PasswordWay::On => on(facts, fresh),
        PasswordWay::Back => back(facts),
    }
}

fn on(facts: &PasswordFacts, fresh: bool) -> PasswordStep {
    use StoredPassword::{Current, Next};
    match (facts.has_next, facts.has_previous, facts.in_database) {
        (false, false, _) if fresh => PasswordStep::WriteNext,
        (false, false, Some(Current)) => match behind(facts, Current) {
            waits if waits.is_empty() => PasswordStep::Done,
            waits => PasswordStep::AwaitUse(waits),
        },
        (true, _, Some(Next)) => PasswordStep::MakeCurrent,
        (true, ..) => match without_files(facts) {
            waits if waits.is_empty() => PasswordStep::Alter(Next),
            waits => PasswordStep::AwaitFiles(waits),
        },
        (false, true, Some(Current)) => match behind(facts, Current) {
            waits if waits.is_empty() => PasswordStep::ForgetPrevious,
            waits => PasswordStep::AwaitUse(waits),
        },
        // A failover to a server that had not heard of it has lost it: once more.
        (false, _, _) => PasswordStep::Alter(Current),
    }
}

fn back(facts: &PasswordFacts) -> PasswordStep {
    use StoredPassword::{Current, Previous};
    match (facts.has_next, facts.has_previous, facts.in_database) {
        (false, false, _) => PasswordStep::Done,
        (_, true, Some(Previous)) => PasswordStep::RestorePrevious,
        (_, true, _) => PasswordStep::Alter(Previous),
        (true, false, Some(Current)) => match behind(facts, Current) {
            waits if waits.is_empty() => PasswordStep::ForgetNext,
            waits => PasswordStep::AwaitUse(waits),
        },
        (true, false, _) => PasswordStep::Alter(Current),
    }
}

/// The pods that would not find the next password in their files.
fn without_files(facts: &PasswordFacts) -> Vec<String> {
    // Those that have none at all were told of, and agreed to.
    let waits = facts.pods.iter().filter_map(|it| match &it.silent {
        Some(why) => Some(format!("{}: {why}", it.pod)),
        None if it.mounted && !it.has_next => Some(format!(
            "{}: the kubelet has not brought it there yet",
            it.pod
        )),
        None => None,
    });
    waits.collect()
}

/// The servers that have another one, and the pods that log in with another one.
fn behind(facts: &PasswordFacts, wanted: StoredPassword) -> Vec<String> {
    let why = |it: &PodPassword| match &it.silent {
        Some(why) => Some(why.clone()),
        None if it.in_database != Some(wanted) => {
            Some("its server has not replayed it yet".to_owned())
        }
        None if it.mounted && it.uses != Some(wanted) => {
            Some("it does not log in with it yet".to_owned())
        }
        None => None,
    };
    let waits = facts.pods.iter();
    let waits = waits.filter_map(|it| Some(format!("{}: {}", it.pod, why(it)?)));
    waits.collect()
}
