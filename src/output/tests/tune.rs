//! `pgctl tune`.

use super::{both_widths, fixture, holds, screen};
use crate::cluster::{DeployedSetting, TuneAdvice, TuneFacts};
use crate::output::{Format, TuneDocument, TuneView, encode, tune_screen};

fn view() -> TuneView {
    let advice = |name: &str, now: &str, proposed: &str, reason: &str| TuneAdvice {
        name: name.to_owned(),
        now: now.to_owned(),
        proposed: proposed.to_owned(),
        reason: reason.to_owned(),
        source: "https://www.postgresql.org/docs/current/runtime-config-resource.html",
        restart: name == "shared_buffers",
        deployed: (name == "work_mem").then(|| DeployedSetting {
            config_map: "postgres-config".to_owned(),
            key: "postgresql.conf".to_owned(),
            line: 17,
            value: "4MB".to_owned(),
        }),
    };
    TuneView {
        pod: "shop-postgres-primary-0".to_owned(),
        facts: TuneFacts {
            memory_bytes: Some(8 << 30),
            cpus: Some(2.5),
            volume_bytes: Some(100 << 30),
            standbys: 5,
        },
        advice: vec![
            advice(
                "shared_buffers",
                "128MB",
                "2GB",
                "a quarter of the container's 8 GiB",
            ),
            advice(
                "work_mem",
                "4MB",
                "10MB",
                "three sorts or hashes of each of 200 sessions fit beside shared_buffers",
            ),
        ],
        unseen: vec!["the API server refused to get configmaps\u{1b}[2J".to_owned()],
        silent: vec![(
            "shop-postgres-replica-1".to_owned(),
            "timed out after 5 s".to_owned(),
        )],
    }
}

#[test]
fn a_proposal_has_its_reasons() {
    let nothing = TuneView {
        advice: Vec::new(),
        unseen: Vec::new(),
        silent: Vec::new(),
        facts: TuneFacts::default(),
        ..view()
    };
    let text = both_widths(|screen| tune_screen(&view(), screen));
    let fits = tune_screen(&nothing, &screen(80));
    let unknown = TuneView {
        pod: String::new(),
        silent: view().silent,
        ..nothing
    };
    let unknown = tune_screen(&unknown, &screen(80));
    insta::assert_snapshot!(format!("{text}\n---\n{fits}\n---\n{unknown}"));
}

#[test]
fn the_document_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let document = TuneDocument::new(&fixture::healthy(1).cluster, &view());
    holds("tuning.json", &encode(&document, Format::Json))
}
