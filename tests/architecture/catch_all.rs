//! Finds matches that the compiler would not lead to.

use std::path::Path;

use syn::visit::{self, Visit};

/// What plans, journals and streams are made of: whoever adds a variant has to be led to each place.
const LED: &[&str] = &[
    "Action",
    "Condition",
    "DatabaseAction",
    "DatabaseCondition",
    "JournalEvent",
    "Operation",
    "OperationFinding",
    "OperationKind",
    "RestoreAction",
    "RestoreCondition",
    "RunEvent",
    "VolumeAction",
    "VolumeCondition",
];

/// The matches over one of these that have an arm for all the rest, each with its file and function. A match over
/// several values at once (a table of transitions) is none.
pub(crate) fn find(path: &Path, code: &str) -> Vec<String> {
    let file = syn::parse_file(code).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut finder = Finder {
        path,
        function: String::new(),
        own: String::new(),
        found: Vec::new(),
    };
    finder.visit_file(&file);
    finder.found
}

struct Finder<'a> {
    path: &'a Path,
    function: String,
    /// The type whose `impl` block it is in: what `Self` means.
    own: String,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_match(&mut self, it: &'ast syn::ExprMatch) {
        let patterns = || it.arms.iter().flat_map(|arm| alternatives(&arm.pat));
        let of = patterns().find_map(|pattern| owner(pattern, &self.own));
        if let (Some(of), true) = (of, patterns().any(takes_all)) {
            let (path, function) = (self.path.display(), &self.function);
            self.found.push(format!("{path}: {function}: {of}"));
        }
        visit::visit_expr_match(self, it);
    }

    fn visit_signature(&mut self, it: &'ast syn::Signature) {
        self.function = it.ident.to_string();
        visit::visit_signature(self, it);
    }

    fn visit_item_impl(&mut self, it: &'ast syn::ItemImpl) {
        let outer = std::mem::take(&mut self.own);
        if let syn::Type::Path(of) = &*it.self_ty {
            let last = of.path.segments.last();
            self.own = last.map(|it| it.ident.to_string()).unwrap_or_default();
        }
        visit::visit_item_impl(self, it);
        self.own = outer;
    }

    fn visit_item_mod(&mut self, it: &'ast syn::ItemMod) {
        if it.ident != "tests" {
            visit::visit_item_mod(self, it);
        }
    }
}

fn alternatives(pattern: &syn::Pat) -> Vec<&syn::Pat> {
    match pattern {
        syn::Pat::Or(all) => all.cases.iter().flat_map(alternatives).collect(),
        syn::Pat::Paren(inner) => alternatives(&inner.pat),
        syn::Pat::Reference(inner) => alternatives(&inner.pat),
        // `Some(Action::…)` is a match over these, too.
        syn::Pat::TupleStruct(outer)
            if outer.elems.len() == 1
                && (outer.path.is_ident("Some") || outer.path.is_ident("Ok")) =>
        {
            alternatives(&outer.elems[0])
        }
        one => vec![one],
    }
}

/// The enum of which a pattern names a variant; `own` is what `Self` means.
fn owner(pattern: &syn::Pat, own: &str) -> Option<&'static str> {
    let path = match pattern {
        syn::Pat::Struct(it) => &it.path,
        syn::Pat::TupleStruct(it) => &it.path,
        syn::Pat::Path(it) => &it.path,
        _ => return None,
    };
    let name = path.segments.iter().rev().nth(1)?.ident.to_string();
    let name = if name == "Self" { own } else { &name };
    LED.iter().find(|it| **it == name).copied()
}

fn takes_all(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Wild(_) => true,
        syn::Pat::Ident(it) => it.subpat.is_none(),
        _ => false,
    }
}
