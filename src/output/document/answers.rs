//! What every document of answers of several servers has in common.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::{PodAnswer, Role};

/// `primary`, `standby`, or `unknown` when it did not say.
pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Standby => "standby",
        Role::Unknown => "unknown",
    }
}

/// A server, and what it answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ServerAnswer<T> {
    /// Name of its pod.
    pod: String,
    /// `primary`, `standby`, or `unknown` when it did not say.
    role: &'static str,
    /// Why it did not answer; null when it did.
    error: Option<String>,
    /// The answer; null when there is none.
    answer: Option<T>,
}

impl<T> ServerAnswer<T> {
    /// Of each pod that was asked.
    pub(super) fn list<'a, A>(
        answers: &'a [PodAnswer<A>],
        make: impl Fn(&'a A) -> T,
    ) -> Vec<ServerAnswer<T>> {
        let one = |it: &'a PodAnswer<A>| ServerAnswer {
            pod: it.pod.clone(),
            role: role_word(it.role),
            error: it.answer.as_ref().err().map(ToString::to_string),
            answer: it.answer.as_ref().ok().map(&make),
        };
        answers.iter().map(one).collect()
    }
}
