//! `pgctl rejoin` and `pgctl reinit`.

use std::time::Duration;

use super::context::Context;
use super::intent::Intent;
use super::operation;
use crate::cli::{ReinitArgs, RejoinArgs};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::{OperationKind, ReinitRequest, RejoinRequest, plan_reinit, plan_rejoin};

pub(super) async fn rejoin(context: &Context, args: &RejoinArgs) -> Result<ExitCode, Failure> {
    let intent = Intent::of(&args.operation, || {
        Ok(RejoinRequest {
            pod: args.pod.clone().unwrap_or_default(),
            clone: args.clone,
            accept_split_brain_risk: args.accept_split_brain_risk,
            timeout_seconds: seconds(args.stream_timeout),
        })
    })?;
    operation::run(
        context,
        OperationKind::Rejoin,
        intent,
        |request, snapshot, grounds, now| plan_rejoin(snapshot, request, grounds, now),
    )
    .await
}

pub(super) async fn reinit(context: &Context, args: &ReinitArgs) -> Result<ExitCode, Failure> {
    let intent = Intent::of(&args.operation, || {
        Ok(ReinitRequest {
            pod: args.pod.clone().unwrap_or_default(),
            timeout_seconds: seconds(args.stream_timeout),
        })
    })?;
    operation::run(
        context,
        OperationKind::Reinit,
        intent,
        |request, snapshot, grounds, now| plan_reinit(snapshot, request, grounds, now),
    )
    .await
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs().max(1)).unwrap_or(u32::MAX)
}
