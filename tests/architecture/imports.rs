//! Which file of a crate uses which other: the sources parsed, every path followed through `use` lines
//! and re-exports to the file that defines the name.
//!
//! Not seen: a method of a type whose `impl` block stands in another file than the type, and names
//! that only a macro makes. Code for tests (`#[cfg(test)]`) is left out.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Chains of re-exports longer than this are circles of `use` lines.
const DEEPEST: usize = 32;

/// For each file, the files that it uses, each with one name as evidence.
pub(crate) type Uses = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// Reads a crate from its `lib.rs` on, whose path is given, as those in the answer, from `root` on.
pub(crate) fn read(root: &Path, lib: &Path) -> Uses {
    let mut sources = Crate {
        root: root.to_owned(),
        modules: Vec::new(),
        code: Vec::new(),
    };
    sources.add_file(lib, None, lib.parent().expect("a folder"));
    sources.uses()
}

struct Crate {
    root: PathBuf,
    modules: Vec<Module>,
    /// The code of each module with a file of its own.
    code: Vec<(usize, syn::File)>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// What `use` lines bind: a name, and where it leads.
    bound: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// What a path leads to.
enum Found {
    Module(usize),
    /// A name that this module defines.
    Item(usize),
}

impl Crate {
    fn add_file(&mut self, file: &Path, parent: Option<usize>, folder: &Path) -> usize {
        let text = fs::read_to_string(self.root.join(file))
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let code = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let module = self.add_module(file, parent, folder, &code.items);
        self.code.push((module, code));
        module
    }

    fn add_module(
        &mut self,
        file: &Path,
        parent: Option<usize>,
        folder: &Path,
        items: &[syn::Item],
    ) -> usize {
        let own = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        for item in items.iter().filter(|item| !for_tests(attributes(item))) {
            match item {
                syn::Item::Mod(module) => {
                    let name = module.ident.to_string();
                    let folder = folder.join(&name);
                    let child = match &module.content {
                        Some((_, items)) => self.add_module(file, Some(own), &folder, items),
                        None => self.add_file(&self.file_of(&folder), Some(own), &folder),
                    };
                    self.modules[own].children.insert(name, child);
                }
                syn::Item::Use(line) => {
                    for leaf in leaves(&line.tree) {
                        match leaf {
                            Leaf::Name { name, path } => {
                                self.modules[own].bound.insert(name, path);
                            }
                            Leaf::Glob(path) => self.modules[own].globs.push(path),
                        }
                    }
                }
                item => self.modules[own].items.extend(defined(item)),
            }
        }
        own
    }

    /// `folder.rs`, or the `mod.rs` in it.
    fn file_of(&self, folder: &Path) -> PathBuf {
        let beside = folder.with_extension("rs");
        if self.root.join(&beside).exists() {
            beside
        } else {
            folder.join("mod.rs")
        }
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (module, code) in &self.code {
            let mut reader = Reader {
                sources: self,
                module: *module,
                found: uses.entry(self.modules[*module].file.clone()).or_default(),
            };
            reader.visit_file(code);
        }
        uses
    }

    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Found> {
        let (first, mut rest) = path.split_first()?;
        if depth > DEEPEST {
            return None;
        }
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => module,
            "super" => self.modules[module].parent?,
            name => match self.named(module, name, depth)? {
                Found::Module(at) => at,
                item @ Found::Item(_) => return Some(item),
            },
        };
        while let Some((name, further)) = rest.split_first() {
            rest = further;
            at = match name.as_str() {
                "super" => self.modules[at].parent?,
                "self" => at,
                name => match self.named(at, name, depth)? {
                    Found::Module(at) => at,
                    item @ Found::Item(_) => return Some(item),
                },
            };
        }
        Some(Found::Module(at))
    }

    /// What a name stands for in a module.
    fn named(&self, module: usize, name: &str, depth: usize) -> Option<Found> {
        let here = &self.modules[module];
        if let Some(child) = here.children.get(name) {
            return Some(Found::Module(*child));
        }
        if here.items.contains(name) {
            return Some(Found::Item(module));
        }
        if let Some(path) = here.bound.get(name) {
            // `use serde;` and the like lead out of the crate.
            return (path.len() > 1 || path[0] != name)
                .then(|| self.resolve(module, path, depth + 1))
                .flatten();
        }
        here.globs
            .iter()
            .find_map(|glob| match self.resolve(module, glob, depth + 1)? {
                Found::Module(other) if other != module => self.named(other, name, depth + 1),
                _ => None,
            })
    }
}

/// Notes which files the paths of one file lead to.
struct Reader<'a> {
    sources: &'a Crate,
    module: usize,
    found: &'a mut BTreeMap<PathBuf, String>,
}

impl Reader<'_> {
    fn note(&mut self, path: &[String]) {
        if let Some(Found::Item(other)) = self.sources.resolve(self.module, path, 0) {
            let file = &self.sources.modules[other].file;
            if *file != self.sources.modules[self.module].file {
                self.found
                    .entry(file.clone())
                    .or_insert_with(|| path.last().cloned().unwrap_or_default());
            }
        }
    }

    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.note(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                other => {
                    self.note(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.note_tokens(group.stream());
                    }
                }
            }
        }
        self.note(&path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes: &[syn::Attribute] = match item {
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            let outer = self.module;
            self.module = self.sources.modules[outer].children[&item.ident.to_string()];
            visit::visit_item_mod(self, item);
            self.module = outer;
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A re-export names a thing and does not use it.
        if !matches!(item.vis, syn::Visibility::Inherited) {
            return;
        }
        for leaf in leaves(&item.tree) {
            match leaf {
                Leaf::Name { path, .. } | Leaf::Glob(path) => self.note(&path),
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.note_tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// One name that a `use` line brings.
enum Leaf {
    Name { name: String, path: Vec<String> },
    Glob(Vec<String>),
}

fn leaves(tree: &syn::UseTree) -> Vec<Leaf> {
    fn walk(tree: &syn::UseTree, before: &[String], out: &mut Vec<Leaf>) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            // `use a::{self}` is `use a`.
            if before.is_empty() || name != "self" {
                path.push(name.to_string());
            }
            path
        };
        match tree {
            syn::UseTree::Path(part) => walk(&part.tree, &with(&part.ident), out),
            syn::UseTree::Group(group) => group.items.iter().for_each(|t| walk(t, before, out)),
            syn::UseTree::Glob(_) => out.push(Leaf::Glob(before.to_vec())),
            syn::UseTree::Name(leaf) => {
                let path = with(&leaf.ident);
                let name = path.last().cloned().unwrap_or_default();
                out.push(Leaf::Name { name, path });
            }
            syn::UseTree::Rename(leaf) => out.push(Leaf::Name {
                name: leaf.rename.to_string(),
                path: with(&leaf.ident),
            }),
        }
    }
    let mut out = Vec::new();
    walk(tree, &[], &mut out);
    out
}

fn defined(item: &syn::Item) -> Option<String> {
    let name = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it is compiled for tests only: `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let condition = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
    })
}
