//! `pgctl explain`.

use super::{holds, screen};
use crate::explanation::{explain, explanations};
use crate::output::{
    ExplanationsDocument, Format, encode, explanation_screen, explanations_screen,
};

#[test]
fn what_a_code_means() {
    let codes = ["split-brain", "signs of life", "git-ops-reverts", "8"];
    let text = codes.map(|code| {
        let found = explain(code);
        let text = [80, 160].map(|width| explanation_screen(&found, &screen(width)));
        assert!(text[0].lines().all(|line| line.chars().count() <= 80));
        text.join("\n")
    });
    insta::assert_snapshot!(text.join("\n---\n"));
}

#[test]
fn all_that_can_be_explained_is_listed() {
    let text = explanations_screen(&explanations(), &screen(80));
    let some = ["split-brain", "signs-of-life", "130"];
    let lines = text
        .lines()
        .filter(|line| some.iter().any(|it| line.starts_with(it)));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_document_holds_to_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let document = ExplanationsDocument::new(&explanations());
    holds("explanations.json", &encode(&document, Format::Json))
}
