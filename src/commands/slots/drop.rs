//! `pgctl slots drop`.

use super::super::context::Context;
use super::super::small_change;
use crate::change::{ChangeProposal, NoSlot, SlotDropRequest, find_slot, propose_slot_drop};
use crate::cli::SlotDropArgs;
use crate::cluster::{SlotFacts, Snapshot, nearest};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{Observed, OpenError, login, open};
use crate::operate::{Around, NotDone, SmallChange};
use crate::postgres::Session;

pub(super) async fn run(context: &Context, args: &SlotDropArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let pod = match &args.pod {
        Some(given) => Some(observed.snapshot.resolve(given)?.name().to_owned()),
        None => None,
    };
    let request = SlotDropRequest {
        slot: args.name.clone(),
        pod,
        allow_slot_loss: args.allow_slot_loss,
    };
    let cluster = observed.snapshot.cluster.clone();
    let (pod, slot) = match find_slot(&observed.snapshot, &request) {
        Ok((instance, slot)) => (instance.name().to_owned(), slot.clone()),
        Err(error) => return Err(no_slot(error)),
    };
    let change = DropSlot {
        context,
        kube: &kube,
        observed,
        // From here on it is this server's slot that is meant, and no other's.
        request: SlotDropRequest {
            pod: Some(pod.clone()),
            ..request
        },
        pod,
        slot,
    };
    small_change::run(
        context,
        &args.change,
        "slots drop",
        &kube,
        &cluster,
        &change,
    )
    .await
}

struct DropSlot<'a> {
    context: &'a Context,
    kube: &'a Kube,
    observed: Observed,
    request: SlotDropRequest,
    pod: String,
    slot: SlotFacts,
}

impl DropSlot<'_> {
    async fn session(&self) -> Result<Session, OpenError> {
        let snapshot: &Snapshot = &self.observed.snapshot;
        let credentials = self.observed.credentials.as_ref();
        let credentials = credentials.expect("the slot was found in an answer, which took a login");
        let login = login(credentials, self.context.timeout());
        open(self.kube, &snapshot.cluster.namespace, &self.pod, &login).await
    }
}

impl SmallChange for DropSlot<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let snapshot = self.context.observe(self.kube).await?.snapshot;
        propose_slot_drop(&snapshot, &self.request, around.unfinished.as_ref()).map_err(no_slot)
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let session = self.session().await?;
        let dropped = session.drop_slot(&self.slot.name, &self.slot.kind).await;
        match dropped.map_err(OpenError::from)? {
            true => Ok(()),
            false => Err(NotDone::NothingChanged(
                "there is no such slot any more".to_owned(),
            )),
        }
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let there = self.session().await?.has_slot(&self.slot.name).await?;
        Ok(!there)
    }
}

fn no_slot(error: NoSlot) -> Failure {
    let mut failure = Failure::new(ExitCode::Usage, error.to_string());
    match error {
        NoSlot::Unknown {
            slot,
            servers,
            slots,
            silent,
        } => {
            if servers.is_empty() || !silent.is_empty() {
                failure.exit = ExitCode::Unreachable;
            }
            if !silent.is_empty() {
                failure = failure.because(format!("these do not answer: {}", silent.join(", ")));
            }
            if !slots.is_empty() {
                failure = failure.because(format!("there are: {}", slots.join(", ")));
            }
            match nearest(&slot, slots.iter().map(String::as_str)) {
                Some(nearest) => failure.next(format!("pgctl slots drop {nearest}")),
                None => failure.next("pgctl slots"),
            }
        }
        NoSlot::Unsure { slot, pod, silent } => {
            failure.exit = ExitCode::Unreachable;
            failure
                .because(format!("these do not answer: {}", silent.join(", ")))
                .next(format!("pgctl slots drop {slot} --pod {pod}"))
        }
        NoSlot::Several { slot, pods } => failure.next(format!(
            "pgctl slots drop {slot} --pod {}",
            pods.first().map_or("POD", String::as_str)
        )),
    }
}
