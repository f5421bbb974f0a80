//! What there is of a throw-away server, and what that means.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PodFacts, UnfinishedOperation};

/// One that is older was forgotten, as far as anybody can tell: it was made to look at something.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// What there is of a throw-away server (`pgctl restore --into`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrowAwayFacts {
    /// The name that it was given.
    pub name: String,
    /// Its pod; none when there is none.
    pub pod: Option<PodFacts>,
    /// Its claim; none when there is none, or claims could not be looked at.
    pub claim: Option<ThrowAwayClaim>,
    /// When the first of it was made, or the operation began that makes it; none when nothing says so.
    pub since: Option<Timestamp>,
    /// The operation that makes it, when that has not ended.
    #[serde(default)]
    pub unfinished: Option<UnfinishedOperation>,
}

/// The claim of a throw-away server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrowAwayClaim {
    /// `metadata.name`.
    pub name: String,
    /// `status.capacity.storage`, or what it asks for while it has none, in bytes.
    pub bytes: Option<u64>,
    /// `metadata.deletionTimestamp`: it is gone as soon as no pod has it any more.
    pub deleting_since: Option<Timestamp>,
}

impl ThrowAwayFacts {
    /// One of which nothing is known yet but its name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            pod: None,
            claim: None,
            since: None,
            unfinished: None,
        }
    }

    /// Notes that something of it was made at this time: what came first counts.
    pub fn made(&mut self, at: Option<Timestamp>) {
        self.since = self.since.into_iter().chain(at).min();
    }

    /// Whether it has been there for longer than anybody looks at something, and nobody is making it.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        let being_made = self
            .unfinished
            .as_ref()
            .is_some_and(|it| it.holder.is_some());
        let is_old = |since: Timestamp| now.duration_since(since) > FORGOTTEN;
        !being_made && self.since.is_some_and(is_old)
    }

    /// How it is, in words.
    pub fn state(&self) -> String {
        let being_made = self.unfinished.as_ref().map(|it| match &it.holder {
            Some(holder) => format!("it is being made: {holder}"),
            None => "its making was begun and has not ended".to_owned(),
        });
        let objects = match (&self.pod, &self.claim) {
            (Some(pod), _) => Some(state_of(pod)),
            (None, Some(claim)) if claim.deleting_since.is_some() => {
                Some("its claim is being deleted".to_owned())
            }
            // Its pod comes after its claim.
            (None, Some(_)) if being_made.is_some() => None,
            (None, Some(_)) => Some("its pod is gone, and its claim is left".to_owned()),
            (None, None) => None,
        };
        let said: Vec<String> = being_made.into_iter().chain(objects).collect();
        match said.is_empty() {
            true => "nothing of it is left".to_owned(),
            false => said.join("; "),
        }
    }

    /// Whether somebody can connect to it.
    pub fn answers(&self) -> bool {
        let ready = |it: &PodFacts| it.ready && it.deleting_since.is_none();
        self.pod.as_ref().is_some_and(ready)
    }
}

fn state_of(pod: &PodFacts) -> String {
    if pod.deleting_since.is_some() {
        return "its pod is being deleted".to_owned();
    }
    match pod.why_not_up() {
        Some(why) => format!("its pod does not run: {why}"),
        None if pod.node_ready == Some(false) => {
            "its pod was running when its node was last heard of".to_owned()
        }
        None if pod.ready => "its pod runs".to_owned(),
        None => "its pod runs and is not ready".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ContainerState;
    use crate::cluster::fixture::{now, throw_away};

    fn damaged(damage: impl FnOnce(&mut ThrowAwayFacts)) -> ThrowAwayFacts {
        let mut server = throw_away("look");
        damage(&mut server);
        server
    }

    #[test]
    fn its_state_says_what_of_it_runs_and_why_it_does_not() {
        let pod = |change: fn(&mut PodFacts)| {
            damaged(|it| change(it.pod.as_mut().expect("it has one"))).state()
        };
        assert_eq!(pod(|_| ()), "its pod runs");
        assert_eq!(pod(|it| it.ready = false), "its pod runs and is not ready");
        assert_eq!(
            pod(|it| {
                it.ready = false;
                it.container = ContainerState::Unknown;
                it.unschedulable = Some("0/3 nodes are available".into());
            }),
            "its pod does not run: no node takes it: 0/3 nodes are available"
        );
        assert_eq!(
            pod(|it| {
                it.container = ContainerState::Waiting {
                    reason: "ImagePullBackOff".into(),
                    message: "not found".into(),
                }
            }),
            "its pod does not run: its container waits: ImagePullBackOff: not found"
        );
        assert_eq!(
            pod(|it| it.deleting_since = Some(now())),
            "its pod is being deleted"
        );
        // Silence of its node is no proof that it runs.
        let lost = pod(|it| it.node_ready = Some(false));
        assert!(lost.contains("last heard of"), "{lost}");
        let left = damaged(|it| it.pod = None);
        assert_eq!(left.state(), "its pod is gone, and its claim is left");
        assert!(!left.answers() && damaged(|_| ()).answers());
    }

    #[test]
    fn one_that_is_being_made_says_so_first() {
        let made = |holder: Option<&str>, damage: fn(&mut ThrowAwayFacts)| {
            damaged(|it| {
                it.unfinished = Some(UnfinishedOperation {
                    id: "restore-1".into(),
                    title: "restore".into(),
                    holder: holder.map(str::to_owned),
                    resume: "resume".into(),
                    abort: None,
                });
                damage(it);
            })
            .state()
        };
        let begun = "its making was begun and has not ended";
        assert_eq!(made(None, |_| ()), format!("{begun}; its pod runs"));
        assert_eq!(made(None, |it| it.pod = None), begun);
        assert_eq!(
            made(Some("ann@laptop"), |it| (it.pod, it.claim) = (None, None)),
            "it is being made: ann@laptop"
        );
    }

    #[test]
    fn it_is_forgotten_a_day_after_the_first_of_it_was_made() {
        let age = |hours: i64| {
            damaged(|it| {
                it.since = None;
                it.made(Some(now()));
                it.made(Some(now() - SignedDuration::from_hours(hours)));
                it.made(None);
            })
        };
        assert!(!age(24).is_forgotten(now()));
        assert!(age(25).is_forgotten(now()));
        // Nobody can say.
        assert!(!damaged(|it| it.since = None).is_forgotten(now()));
    }
}
