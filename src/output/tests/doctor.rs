//! `pgctl doctor`: the screen, the document, and the page that explains the codes.

use std::collections::BTreeSet;

use super::{Path, holds, screen};
use crate::cluster::{Limits, assess, fixture};
use crate::doctor::fixture::{answer, database, well};
use crate::doctor::{CheckCode, DoctorFacts, IndexName, examine};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{
    DoctorDocument, ExaminationListDocument, FleetView, Format, doctor_answer, doctor_screen,
    encode, examinations_screen,
};

/// Something of each outcome, with hostile names.
fn ill() -> DoctorFacts {
    let mut facts = well();
    fixture::stop(
        &mut facts.snapshot,
        &fixture::replica(1),
        crate::cluster::ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: String::new(),
        },
    );
    facts.health = assess(&facts.snapshot, &Limits::default());
    facts.servers[2].answer = Err("its container does not run".into());
    facts.servers[2].databases.clear();
    answer(&mut facts, 0).durable = false;
    // The same of two.
    answer(&mut facts, 0).tls = false;
    answer(&mut facts, 1).tls = false;
    facts.objects.policies = Err("you may not list networkpolicies in namespace staging".into());
    let shop = database(&mut facts, 0);
    shop.invalid_indexes = (0..8)
        .map(|number| IndexName {
            index: format!("public.\"o'r\u{1b}[31mder {number}\""),
            table: "public.cart".into(),
        })
        .collect();
    facts
}

#[test]
fn what_the_doctor_says() {
    let examination = examine(&ill(), None);
    let text = [(80, false), (160, true)].map(|(width, verbose)| {
        let text = doctor_screen(&examination, verbose, &screen(width));
        assert!(
            !text.contains('\u{1b}'),
            "no escape of the cluster's gets out"
        );
        format!("--- {width} columns, verbose: {verbose}\n{text}")
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_cluster_that_is_well_is_one_line() {
    let examination = examine(&well(), None);
    let text = doctor_screen(&examination, false, &screen(80));
    assert_eq!(text, doctor_answer(&examination, &screen(80)) + "\n");
}

#[test]
fn many_clusters_are_a_line_each_and_the_worst_is_last() -> Result<(), Box<dyn std::error::Error>> {
    let mut examinations = [well(), ill(), ill()].map(|facts| examine(&facts, None));
    examinations[0].cluster.namespace = "team-0".to_owned();
    examinations[1].cluster.namespace = "team-1 \u{1b}[31m".to_owned();
    examinations[2].cluster.namespace = "team-2".to_owned();
    examinations[2].results.remove(0);
    let silent = Failure::new(ExitCode::Unreachable, "https://10.0.0.1 does not answer");
    let unreached = [("tokyo".to_owned(), silent)];
    let text = [None, Some("berlin")].map(|context| {
        let view = FleetView {
            clusters: examinations.iter().map(|it| (context, it)).collect(),
            unreached: match context {
                None => &[],
                Some(_) => &unreached,
            },
            empty: &[],
        };
        let document = ExaminationListDocument::new(fixture::now(), &view);
        let text = [80, 160].map(|width| examinations_screen(&view, &screen(width)));
        (text.join("\n"), encode(&document, Format::Json))
    });
    for (text, document) in &text {
        assert!(
            !text.contains('\u{1b}'),
            "no escape of the cluster's gets out"
        );
        holds("examination-list.json", document)?;
    }
    insta::assert_snapshot!(text.map(|(text, _)| text).join("\n"));
    Ok(())
}

#[test]
fn the_document_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    for facts in [well(), ill()] {
        let document = DoctorDocument::new(facts.snapshot.taken, &examine(&facts, None));
        holds("examination.json", &encode(&document, Format::Json))?;
    }
    Ok(())
}

#[test]
fn each_check_has_its_section_and_each_section_its_check() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let page = std::fs::read_to_string(&file).expect("docs/checks.md");
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|it| it.strip_prefix("### "))
        .collect();
    let told: BTreeSet<String> = sections.iter().map(|it| (*it).to_owned()).collect();
    let codes: BTreeSet<String> = CheckCode::all().map(|it| it.to_string()).collect();
    assert_eq!(told, codes);
    assert_eq!(sections.len(), codes.len(), "each once");
    let groups: BTreeSet<&str> = page
        .lines()
        .filter_map(|it| it.strip_prefix("## "))
        .collect();
    for code in CheckCode::all() {
        assert!(groups.contains(code.group().title()), "{code}");
    }
}
