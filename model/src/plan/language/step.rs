//! A step of a plan.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::condition::Condition;
use super::step_name::StepName;

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "undo"
)]
pub enum Undo {
    /// It left nothing to put back.
    Nothing,
    /// These actions, in this order, and then this must hold.
    Actions {
        /// What takes it back, in this order.
        actions: Vec<Action>,
        /// What proves that it is back as it was.
        proves: Condition,
        /// How long that may take, in seconds.
        timeout_seconds: u32,
    },
    /// It can't be taken back, and neither can anything before it: from here only forward.
    PointOfNoReturn,
}

/// What it means for the operation when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The operation stops: it is undone, or (after the point of no return) left for `--resume`.
    Stop,
    /// It is reported with the command that mends it, and the operation goes on.
    Report,
    /// The operation stops and stays where it is: going back would take away what clients have
    /// done since, so somebody decides between `--resume` and `--abort`.
    Stay,
}

/// One step: plain data, so that it can be printed, stored, resumed and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it is called; unique within a plan.
    pub name: StepName,
    /// What it does; it may run twice.
    pub action: Action,
    /// What must hold right before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Condition>,
    /// What proves it done.
    pub proves: Condition,
    /// How it is taken back.
    pub undo: Undo,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// How long it may take, in seconds.
    pub timeout_seconds: u32,
    /// Before it is begun the operation pauses: somebody looks, and goes on or puts everything back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pauses: bool,
}

impl Step {
    /// A step that stops the operation when it fails, and leaves nothing to put back.
    pub(crate) fn new(name: StepName, action: Action, proves: Condition) -> Self {
        Self {
            name,
            action,
            requires: Vec::new(),
            proves,
            undo: Undo::Nothing,
            on_failure: OnFailure::Stop,
            timeout_seconds: 30,
            pauses: false,
        }
    }

    #[must_use]
    pub(crate) fn requires(mut self, condition: Condition) -> Self {
        self.requires.push(condition);
        self
    }

    #[must_use]
    pub(crate) fn undo(mut self, actions: Vec<Action>, proves: Condition, seconds: u32) -> Self {
        self.undo = Undo::Actions {
            actions,
            proves,
            timeout_seconds: seconds,
        };
        self
    }

    #[must_use]
    pub(crate) fn point_of_no_return(mut self) -> Self {
        self.undo = Undo::PointOfNoReturn;
        self
    }

    #[must_use]
    pub(crate) fn reported(mut self) -> Self {
        self.on_failure = OnFailure::Report;
        self
    }

    #[must_use]
    pub(crate) fn stays(mut self) -> Self {
        self.on_failure = OnFailure::Stay;
        self
    }

    #[must_use]
    pub(crate) fn timeout(mut self, seconds: u32) -> Self {
        self.timeout_seconds = seconds;
        self
    }

    #[must_use]
    pub(crate) fn after_a_pause(mut self, pauses: bool) -> Self {
        self.pauses = pauses;
        self
    }

    /// Whether nothing before it can be taken back once it has begun.
    pub fn is_point_of_no_return(&self) -> bool {
        self.undo == Undo::PointOfNoReturn
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.action == Action::Observe {
            return write!(f, "wait until {}", self.proves);
        }
        if let (StepName::MoveClients, Action::PointService { service, pod, .. }) =
            (self.name, &self.action)
        {
            return write!(f, "lead new connections through {service} to {pod} already");
        }
        fmt::Display::fmt(&self.action, f)
    }
}
