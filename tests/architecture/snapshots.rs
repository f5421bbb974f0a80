//! Which functions a snapshot was taken of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// Takes a snapshot, in whatever function it stands.
const TAKES: &str = "assert_snapshot";

/// What is named by the functions of tests, by their names.
#[derive(Default)]
pub(crate) struct Tests {
    names: BTreeMap<String, BTreeSet<String>>,
    function: String,
}

impl Tests {
    /// Reads the functions of one more file.
    pub(crate) fn read(&mut self, path: &Path, code: &str) {
        let file =
            syn::parse_file(code).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.visit_file(&file);
    }

    /// All that is named in a test that takes a snapshot, and in what it calls.
    pub(crate) fn pictured(&self) -> BTreeSet<&str> {
        // A test may take it through a function of its own.
        let mut takers = BTreeSet::from([TAKES]);
        grow(&mut takers, |takers| {
            let more = self.names.iter();
            let more =
                more.filter(|(_, names)| names.iter().any(|it| takers.contains(it.as_str())));
            more.map(|(function, _)| function.as_str()).collect()
        });
        let mut pictured = takers;
        grow(&mut pictured, |pictured| {
            let inner = pictured.iter().filter_map(|it| self.names.get(*it));
            inner.flatten().map(String::as_str).collect()
        });
        pictured
    }

    fn name(&mut self, name: &syn::Ident) {
        let names = self.names.entry(self.function.clone()).or_default();
        names.insert(name.to_string());
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) => self.name(&name),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// Adds until nothing is new.
fn grow<'a>(
    all: &mut BTreeSet<&'a str>,
    mut more: impl FnMut(&BTreeSet<&'a str>) -> BTreeSet<&'a str>,
) {
    loop {
        let before = all.len();
        let new = more(all);
        all.extend(new);
        if all.len() == before {
            return;
        }
    }
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, it: &'ast syn::ItemFn) {
        let outer = std::mem::replace(&mut self.function, it.sig.ident.to_string());
        visit::visit_item_fn(self, it);
        self.function = outer;
    }

    fn visit_path_segment(&mut self, it: &'ast syn::PathSegment) {
        self.name(&it.ident);
        visit::visit_path_segment(self, it);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        self.tokens(it.tokens.clone());
        visit::visit_macro(self, it);
    }
}
