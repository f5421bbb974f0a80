//! Which pod was meant.

use std::time::Duration;

use futures::future::join_all;

use super::context::Context;
use crate::cluster::{
    Destination, Instance, NoRoute, RoutedPod, Snapshot, meant_throw_away, names, route,
    throw_away_pod,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{Depth, Observed};
use crate::output::plain;

/// The longest that a look waits for the databases while somebody is to be led to one, where `--timeout` is as usual:
/// another one may be the primary meanwhile.
pub(super) const LOOK: Duration = Duration::from_secs(3);

/// From what was typed to where it leads; nothing typed is the primary.
///
/// # Errors
/// When there is no such pod, or several could be meant.
pub(super) fn destination(
    given: Option<&str>,
    command: &str,
    snapshot: &Snapshot,
) -> Result<Destination, Failure> {
    match given {
        None | Some("write" | "primary") => Ok(Destination::Write),
        Some("read" | "replica" | "replicas") => Ok(Destination::Read),
        Some(name) => match snapshot.resolve(name) {
            Ok(instance) => Ok(Destination::Pod(instance.name().to_owned())),
            Err(error) => {
                let meant = error.nearest().unwrap_or("--help");
                Err(Failure::new(ExitCode::Usage, plain(&error.to_string()))
                    .next(format!("pgctl {command} {meant}")))
            }
        },
    }
}

/// A look for what was typed, and how deep the next ones are to go, which keep the way true. A server that hangs does not
/// hold up the way to another; when the way is not seen, those that hang have all the time that an answer may take.
///
/// # Errors
/// When the API can't be asked.
pub(super) async fn look_for(
    context: &Context,
    kube: &Kube,
    given: Option<&str>,
) -> Result<(Observed, Depth), Failure> {
    let leads = |seen: &Observed| match destination(given, "", &seen.snapshot) {
        Ok(to) => route(&to, &seen.snapshot).is_ok(),
        // No pod of the cluster: its databases say no more.
        Err(_) => true,
    };
    let soon = context.patience(LOOK);
    let seen = context.observe_within(kube, soon).await?;
    let waited_enough =
        leads(&seen) || silence(&seen.snapshot).is_none() || context.timeout() <= soon;
    if waited_enough {
        return Ok((seen, Depth::Databases { timeout: soon }));
    }
    let seen = context.observe(kube).await?;
    // Who was late now will be late again, and is not to be lost for that.
    let timeout = if leads(&seen) {
        context.timeout()
    } else {
        soon
    };
    Ok((seen, Depth::Databases { timeout }))
}

/// As [`destination`], where a throw-away server may be meant, too.
///
/// # Errors
/// As [`destination`], or when there is no such server.
pub(super) async fn destination_or_throw_away(
    kube: &Kube,
    given: Option<&str>,
    command: &str,
    snapshot: &Snapshot,
) -> Result<Destination, Failure> {
    let cluster = &snapshot.cluster;
    let of_cluster = destination(given, command, snapshot);
    let meant = given.and_then(|it| meant_throw_away(cluster, it));
    let (Err(_), Some(meant)) = (&of_cluster, meant) else {
        return of_cluster;
    };
    let pods = kube.throw_away_pods(cluster).await?;
    let name = throw_away_pod(cluster, meant);
    if let Some(pod) = pods.iter().find(|it| it.name == name) {
        return Ok(Destination::ThrowAway(RoutedPod {
            name,
            uid: pod.uid.clone(),
        }));
    }
    let what = plain(&format!("there is no throw-away server {meant}"));
    let failure = Failure::new(ExitCode::Usage, what);
    let names: Vec<&str> = pods
        .iter()
        .filter_map(|it| meant_throw_away(cluster, &it.name))
        .collect();
    Err(match names.first() {
        Some(first) => failure
            .because(plain(&format!("there are: {}", names.join(", "))))
            .next(format!("pgctl {command} restored-{first}")),
        None => failure
            .next(format!("pgctl restore --latest --into {meant}"))
            .next(format!(
                "if its claim is left, and its pod has gone: pgctl restore --discard-into {meant}"
            )),
    })
}

/// Why a pod's database does not answer; none when each does.
pub(super) fn silence(snapshot: &Snapshot) -> Option<String> {
    snapshot.instances.iter().find_map(|it| {
        let reason = it.database.unanswered()?;
        Some(plain(&format!("{}: {reason}", it.name())))
    })
}

/// Whether a destination is out of reach because the API leads nobody there who has so few rights. Databases that
/// have answered are proof enough of them.
///
/// # Errors
/// When it is so.
pub(super) async fn may_be_led_to(
    kube: &Kube,
    destination: &Destination,
    snapshot: &Snapshot,
) -> Result<(), Failure> {
    let silent = snapshot.instances.iter().filter(|it| it.facts().is_none());
    let silent = silent.map(Instance::name);
    let pods: Vec<&str> = match destination {
        Destination::Write | Destination::Read => match route(destination, snapshot) {
            Ok(_) => Vec::new(),
            Err(_) => silent.collect(),
        },
        Destination::Pod(pod) => silent.filter(|it| it == pod).collect(),
        Destination::ThrowAway(pod) => vec![&pod.name],
    };
    let tried = pods
        .iter()
        .map(|pod| kube.forward(kube.namespace(), pod, names::PORT));
    for tried in join_all(tried).await {
        match tried {
            Err(error) if error.is_forbidden() => return Err(error.into()),
            // Whatever else is amiss may not be so for long.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// The pod that a destination leads to at the moment, the first of several.
///
/// # Errors
/// When it leads nowhere.
pub(super) async fn first_pod(
    kube: &Kube,
    destination: &Destination,
    snapshot: &Snapshot,
) -> Result<String, Failure> {
    let pods = match route(destination, snapshot) {
        Ok(pods) => pods,
        Err(error) => {
            let asked = matches!(error, NoRoute::NoPrimary | NoRoute::NoStandby);
            if asked {
                may_be_led_to(kube, destination, snapshot).await?;
            }
            let failure = Failure::new(ExitCode::Unreachable, plain(&error.to_string()));
            let failure = match silence(snapshot) {
                Some(reason) if asked => failure.because(reason),
                Some(_) | None => failure,
            };
            return Err(failure.next("pgctl status"));
        }
    };
    // There is at least one.
    Ok(pods
        .into_iter()
        .next()
        .map(|it| it.name)
        .unwrap_or_default())
}
