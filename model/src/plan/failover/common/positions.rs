//! How far everybody's WAL goes.

use super::situation::Situation;
use crate::cluster::{Instance, Lsn, SenderFacts, Timeline};

/// How far a standby's WAL goes: what it has received, or replayed when it has received nothing
/// since it started.
pub(crate) fn position(instance: &Instance) -> Option<Lsn> {
    let recovery = instance.facts()?.recovery.as_ref()?;
    recovery.receive_lsn.max(recovery.replay_lsn)
}

/// Bytes that `instance` lacks of what is known to exist.
pub(crate) fn lag_bytes(situation: &Situation<'_>, instance: &Instance) -> Option<u64> {
    let own = position(instance)?;
    let end = match situation.snapshot.primary() {
        Some(primary) => primary.facts().map(|facts| facts.flush_lsn),
        None => known_end(situation),
    };
    Some(end?.bytes_since(own))
}

/// The furthest position of the old primary that anybody knows of, when it does not answer.
pub(crate) fn known_end(situation: &Situation<'_>) -> Option<Lsn> {
    let received = situation.snapshot.standbys().filter_map(position);
    received.chain(reported_end(situation)).max()
}

/// The furthest position that the old primary itself has told, in the record of its shutdown or to
/// its standbys while it streamed to them.
pub(crate) fn reported_end(situation: &Situation<'_>) -> Option<Lsn> {
    let reported = situation.snapshot.standbys().filter_map(|standby| {
        let recovery = standby.facts()?.recovery.as_ref()?;
        let receiver = recovery.receiver.as_ref()?;
        let of_another = receiver.sender_host.as_deref().is_some_and(|host| {
            let name = host.split('.').next().unwrap_or(host);
            name != situation.old && situation.snapshot.instance(name).is_some()
        });
        receiver.latest_end_lsn.filter(|_| !of_another)
    });
    let stopped = situation.shutdown().map(|shutdown| shutdown.lsn);
    reported.chain(stopped).max()
}

/// The timeline that the old primary is, or was, on.
pub(crate) fn present_timeline(situation: &Situation<'_>) -> Option<Timeline> {
    let of_primary = situation
        .snapshot
        .primary()
        .and_then(Instance::facts)
        .map(|facts| facts.timeline);
    of_primary
        .or(situation.shutdown().map(|shutdown| shutdown.timeline))
        .or_else(|| {
            let standbys = situation.snapshot.standbys().filter_map(Instance::facts);
            standbys.map(|facts| facts.timeline).max()
        })
}

/// The primary's view of the stream to `target`.
pub(crate) fn sender_of<'a>(
    situation: &Situation<'a>,
    target: &Instance,
) -> Option<&'a SenderFacts> {
    let senders = &situation.snapshot.primary()?.facts()?.senders;
    senders
        .iter()
        .find(|sender| sender.application_name == target.name())
        .or_else(|| {
            // Deployments that do not set application_name: told by address instead.
            let ip = target.pod.ip.as_deref()?;
            senders
                .iter()
                .find(|sender| sender.client_address.as_deref() == Some(ip))
        })
}
