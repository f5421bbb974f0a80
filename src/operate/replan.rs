//! What has become of a plan while somebody was asked.

use jiff::Timestamp;

use super::requirements::requirements;
use crate::cluster::Snapshot;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::Observed;
use crate::plan::{Circumstances, Plan, Refusal};
use crate::world::RecordOf;

/// What has become of a plan while somebody was asked.
pub enum Replanned {
    /// It would be made in the same way, and the journal was seen in this version.
    Same(Option<String>),
    /// It would not be made any more.
    Refused(Box<Refusal>),
}

/// While a person read and typed, the cluster went on: what was agreed to is only run when it would
/// be planned in the same way now, where the cluster is as it was `observed` since.
///
/// # Errors
/// When another plan would be made, or that can't be found out.
pub async fn replan(
    kube: &Kube,
    observed: &Observed,
    plan: &Plan,
    make: impl Fn(&Snapshot, &Circumstances, Timestamp) -> Result<Plan, Refusal>,
) -> Result<Replanned, Failure> {
    let circumstances = requirements(
        kube,
        observed,
        plan.operation.kind(),
        RecordOf::operation(&plan.operation),
    )
    .await?;
    match make(&observed.snapshot, &circumstances, plan.made) {
        Err(refusal) => Ok(Replanned::Refused(Box::new(refusal))),
        Ok(now) if now.does_the_same_as(plan) => Ok(Replanned::Same(circumstances.journal_version)),
        Ok(_) => Err(Failure::new(
            ExitCode::Refused,
            "the cluster has changed since this plan was shown, and another one would be needed; nothing was changed",
        )
        .next("give the command again to see the new plan")),
    }
}
