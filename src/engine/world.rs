//! What the engine needs of the world.

use std::time::Duration;

use super::{Journal, WorldError};
use crate::plan::{Action, Condition, Known, OperationFinding, Plan, Step};

/// The cluster that a plan is run on, or a model of it.
pub trait World: Sync {
    /// Called before a step is journaled as begun: the place to open connections, so that nothing
    /// has to be opened while writes are away. A promotion is only ever sent over a connection that
    /// was open before its beginning was journaled: one that was broken in between is not made anew.
    fn prepare(
        &self,
        plan: &Plan,
        step: &Step,
    ) -> impl Future<Output = Result<(), WorldError>> + Send;

    /// Carries an action out. It sets a state: doing it again changes nothing.
    fn act(
        &self,
        plan: &Plan,
        action: &Action,
        known: &Known,
        limit: Duration,
    ) -> impl Future<Output = Result<Vec<OperationFinding>, WorldError>> + Send;

    /// Looks whether a condition holds now.
    fn holds(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
    ) -> impl Future<Output = Result<bool, WorldError>> + Send;

    /// Waits until a condition holds.
    fn wait(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
        limit: Duration,
    ) -> impl Future<Output = Result<Vec<OperationFinding>, WorldError>> + Send;

    /// Stores the journal, if nobody else has changed it since it was last read or stored here.
    fn store(&self, journal: &Journal) -> impl Future<Output = Result<(), WorldError>> + Send;

    /// Whether the lock is still ours, by our own clock.
    fn is_ours(&self) -> bool;

    /// Waits until the lock is ours again, when it could not be renewed in time; an error when somebody
    /// else has it.
    fn regain(&self) -> impl Future<Output = Result<(), WorldError>> + Send;

    /// Leaves a word for whoever looks at the cluster's Events. Best effort.
    fn tell(&self, plan: &Plan, reason: &str, message: &str) -> impl Future<Output = ()> + Send;

    /// Cuts every connection, as a failing network would (failpoints only).
    fn cut(&self) {}
}
