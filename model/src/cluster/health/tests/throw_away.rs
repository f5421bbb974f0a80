//! What is said of throw-away servers.

use super::{Code, HealthVerdict, Severity, codes, damaged, judge, told};
use crate::cluster::fixture::{now, throw_away};
use crate::cluster::{
    NotVisible, ObjectKind, PodFacts, Snapshot, ThrowAwayFacts, UnfinishedOperation,
};

const POD: &str = "pod/staging-restored-look";

fn with(server: ThrowAwayFacts) -> Snapshot {
    damaged(|it| it.throw_aways = vec![server])
}

fn said(server: ThrowAwayFacts, object: &str) -> String {
    told(&with(server), Code::ThrowAwayLeft, Severity::Note, object)
}

fn unfinished(holder: Option<&str>) -> Option<UnfinishedOperation> {
    Some(UnfinishedOperation {
        id: "restore-20260301T110000000Z".into(),
        title: "restore into the throw-away server look".into(),
        holder: holder.map(str::to_owned),
        resume: "pgctl restore --into look --resume -n staging --cluster staging".into(),
        abort: Some("pgctl restore --into look --abort -n staging --cluster staging".into()),
    })
}

#[test]
fn a_throw_away_server_is_noted_and_the_cluster_is_no_worse_for_it() {
    let text = said(throw_away("look"), POD);
    for words in [
        "throw-away server look, since 2026-03-01T09:00:00Z (3h)",
        "its pod runs",
        "10 GiB",
        "pgctl psql restored-look -n staging --cluster staging",
        "pgctl restore --discard-into look -n staging --cluster staging",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let health = judge(&with(throw_away("look")));
    assert_eq!(health.verdict, HealthVerdict::Healthy);
    assert_eq!(codes(&health), [Code::ThrowAwayLeft]);
    assert_eq!(health.headline.wanted, 2, "it is no instance");
}

#[test]
fn one_that_is_not_ready_yet_is_looked_at_before_it_is_deleted() {
    let with = |change: fn(&mut PodFacts)| {
        let mut server = throw_away("look");
        let pod = server.pod.as_mut().expect("it has one");
        pod.ready = false;
        change(pod);
        said(server, POD)
    };
    let logs = "kubectl -n staging logs staging-restored-look ";
    let delete = "pgctl restore --discard-into look -n staging";
    let text = with(|_| ());
    let (logged, deleted) = (text.find(logs), text.find(delete));
    assert!(logged.is_some() && logged < deleted, "{text}");
    assert!(!text.contains("pgctl psql"), "{text}");
    // Of one that goes there is nothing to look at.
    let text = with(|it| it.deleting_since = Some(now()));
    assert!(!text.contains(logs), "{text}");
}

#[test]
fn of_a_claim_without_its_pod_only_the_deletion_is_left_to_type() {
    let server = ThrowAwayFacts {
        pod: None,
        ..throw_away("look")
    };
    let text = said(server, "persistentvolumeclaim/data-staging-restored-look");
    assert!(
        text.contains("its pod is gone, and its claim is left"),
        "{text}"
    );
    assert!(
        text.contains("--discard-into look") && !text.contains("psql"),
        "{text}"
    );
    // What was not seen is not said to take nothing.
    let server = ThrowAwayFacts {
        claim: None,
        ..throw_away("look")
    };
    let text = said(server, POD);
    assert!(text.contains("what it takes is not known"), "{text}");
}

#[test]
fn one_that_was_not_finished_is_gone_on_with_or_put_back() {
    let server = |holder| ThrowAwayFacts {
        unfinished: unfinished(holder),
        ..ThrowAwayFacts::named("look")
    };
    let object = "operation/restore-20260301T110000000Z";
    let text = said(server(None), object);
    for words in [
        "has not ended",
        "--into look --resume",
        "--into look --abort",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("--discard-into"), "{text}");
    // Who is at it is left alone.
    let text = said(server(Some("ann@laptop")), object);
    assert!(
        text.contains("ann@laptop") && text.contains("pgctl history"),
        "{text}"
    );
    assert!(!text.contains("--abort"), "{text}");
}

#[test]
fn a_name_that_somebody_else_has_given_is_never_put_into_a_command_of_ours() {
    let text = said(
        ThrowAwayFacts {
            name: "Look $(x)".into(),
            ..throw_away("look")
        },
        POD,
    );
    assert!(!text.contains("--discard-into"), "{text}");
    assert!(text.contains("'pgctl.io/throw-away=Look $(x)'"), "{text}");
}

#[test]
fn throw_away_servers_that_could_not_be_listed_are_not_said_to_be_none() {
    let snapshot = damaged(|it| {
        it.unseen.push(NotVisible {
            what: ObjectKind::ThrowAways,
            why: "forbidden".into(),
        });
    });
    let health = judge(&snapshot);
    assert_eq!(codes(&health), [Code::Unseen]);
    assert_eq!(health.verdict, HealthVerdict::Healthy);
}
