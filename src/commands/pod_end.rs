//! What is said of a pod that ends while a program runs in it, or is connected to it: the program's exit code does not tell.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::ended::Ended;
use super::interruption::interruption;
use crate::cluster::{ContainerState, PodFacts, Snapshot, names};
use crate::kubernetes::Kube;
use crate::output::plain;

/// How a program ends with its pod: psql that has lost its connection, and whatever is killed (128 and SIGKILL).
const WITH_ITS_POD: [Ended; 2] = [Ended::OfProgram(2), Ended::OfProgram(137)];
/// How long the API may take to know of it, where `--timeout` is as usual.
const KNOWN: Duration = Duration::from_secs(2);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(200);
/// The longest that a server is waited for between them.
const SERVES: Duration = Duration::from_secs(1);
/// The packet with which a client asks for TLS (PostgreSQL documentation, section 55.7). Every server answers it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How a program has ended that ran in a pod, or was connected to it, once it was said what became of the pod, if
/// anything did. The pod was seen before.
pub(super) async fn told(
    context: &Context,
    kube: &Kube,
    before: &Snapshot,
    pod: &str,
    ended: Ended,
) -> Ended {
    let before = before.instance(pod).filter(|_| !context.quiet);
    let Some(before) = before.filter(|_| WITH_ITS_POD.contains(&ended)) else {
        return ended;
    };
    let looking = timeout(context.patience(KNOWN), end_of(kube, &before.pod));
    let what = tokio::select! {
        // Whoever wants to go on wants to know no more.
        () = interruption() => None,
        what = looking => what.ok().flatten(),
    };
    if let Some(what) = what {
        let text = plain(&format!("{pod}: {what}"));
        let text = context.stderr().wrap(&text, 2);
        let next = context.given().suggestion("pgctl status");
        context.telling.say(&format!("{text}\n  next: {next}\n"));
    }
    ended
}

/// What becomes of a pod; none as soon as its server is seen to go on.
async fn end_of(kube: &Kube, before: &PodFacts) -> Option<&'static str> {
    loop {
        if let Ok(now) = kube.pod(kube.namespace(), &before.name).await {
            let what = became(before, now.as_ref());
            if what.is_some() {
                return what;
            }
        }
        let serves = timeout(SERVES, serves(kube, &before.name));
        if serves.await.unwrap_or(false) {
            return None;
        }
        sleep(AGAIN).await;
    }
}

/// Whether a server answers in a pod.
async fn serves(kube: &Kube, pod: &str) -> bool {
    let forward = kube.forward(kube.namespace(), pod, names::PORT).await;
    let Ok(mut forward) = forward else {
        return false;
    };
    let asked = forward.stream.write_all(&SSL_REQUEST).await;
    asked.is_ok() && forward.stream.read_u8().await.is_ok()
}

/// What became of a pod; none as far as it is as before.
fn became(before: &PodFacts, now: Option<&PodFacts>) -> Option<&'static str> {
    let Some(now) = now else {
        return Some("the pod is gone");
    };
    if now.uid != before.uid {
        return Some("the pod was replaced by a new one");
    }
    if now.deleting_since.is_some() {
        return Some("the pod is being deleted");
    }
    if now.restarts != before.restarts {
        return Some("its container has ended, and was started again");
    }
    let ran = |pod: &PodFacts| matches!(pod.container, ContainerState::Running { .. });
    (ran(before) && !ran(now)).then_some("its container has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::healthy;

    type Change = fn(&mut PodFacts);

    #[test]
    fn whatever_ends_a_pod_is_said_and_nothing_of_one_that_goes_on() {
        let snapshot = healthy(1);
        let before = &snapshot.instances[0].pod;
        let with = |change: fn(&mut PodFacts)| {
            let mut pod = before.clone();
            change(&mut pod);
            became(before, Some(&pod))
        };
        assert_eq!(with(|_| {}), None);
        // That it is not ready any more ends nothing.
        assert_eq!(with(|it| it.ready = false), None);
        assert_eq!(became(before, None), Some("the pod is gone"));
        let ends: [(Change, &str); 4] = [
            (|it| it.uid.push('x'), "new one"),
            (|it| it.deleting_since = it.created, "being deleted"),
            (|it| it.restarts += 1, "started again"),
            (|it| it.container = ContainerState::Unknown, "has ended"),
        ];
        for (change, words) in ends {
            let said = with(change);
            assert!(said.is_some_and(|it| it.ends_with(words)), "{said:?}");
        }
    }
}
