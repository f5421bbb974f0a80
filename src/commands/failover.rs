//! `pgctl failover`.

use super::context::Context;
use super::operation;
use crate::cli::FailoverArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::{FailoverRequest, plan_failover};

pub(super) async fn run(context: &Context, args: &FailoverArgs) -> Result<ExitCode, Failure> {
    let request = FailoverRequest {
        to: args.to.clone(),
        rejoin: args.rejoin,
        max_lag_bytes: args.max_lag_bytes,
        accept_split_brain_risk: args.accept_split_brain_risk,
        allow_drift: args.allow_drift,
        allow_slot_loss: args.allow_slot_loss,
        allow_backup_loss: args.allow_backup_loss,
        stop_timeout_seconds: u32::try_from(args.stop_timeout.as_secs().max(1)).unwrap_or(u32::MAX),
    };
    operation::run(
        context,
        &args.operation,
        "failover",
        |snapshot, grounds, now| plan_failover(snapshot, &request, grounds, now),
    )
    .await
}
