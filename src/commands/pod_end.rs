//! What is said of a pod that ends while a program runs in it, or is connected to it: the program's exit code does not tell.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::Context;
use crate::cluster::{ContainerState, PodFacts, Snapshot};
use crate::kubernetes::Kube;
use crate::output::plain;

/// How long the API may take to know of it, where `--timeout` is as usual.
const KNOWN: Duration = Duration::from_secs(2);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// Says what became of a pod that was seen before; nothing when nothing did, or it was none of the cluster's.
pub(super) async fn tell_of_its_end(context: &Context, kube: &Kube, before: &Snapshot, pod: &str) {
    let Some(before) = before.instance(pod).filter(|_| !context.quiet) else {
        return;
    };
    let end = Instant::now() + context.patience(KNOWN);
    let what = loop {
        let what = match context.observe_objects(kube).await {
            Ok(now) => became(&before.pod, now.instance(pod).map(|it| &it.pod)),
            Err(_) => None,
        };
        if what.is_some() || Instant::now() + AGAIN >= end {
            break what;
        }
        sleep(AGAIN).await;
    };
    let Some(what) = what else {
        return;
    };
    let text = plain(&format!("{pod}: {what}"));
    let text = context.stderr().wrap(&text, 2);
    let next = context.given().suggestion("pgctl status");
    context.telling.say(&format!("{text}\n  next: {next}\n"));
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
        type Change = fn(&mut PodFacts);
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
