//! Files that use each other in a circle.

use crate::imports::Uses;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Files of which each uses, directly or not, each other.
pub(crate) struct Circle {
    pub(crate) files: BTreeSet<PathBuf>,
}

impl Circle {
    /// The innermost folder that holds them all.
    pub(crate) fn folder(&self) -> PathBuf {
        let mut files = self.files.iter();
        let first = files.next().and_then(|file| file.parent());
        let mut folder = first.map(Path::to_owned).unwrap_or_default();
        for file in files {
            while !file.starts_with(&folder) {
                folder.pop();
            }
        }
        folder
    }

    /// Who uses whom, and by which name.
    pub(crate) fn describe(&self, uses: &Uses) -> String {
        let mut text = String::new();
        for file in &self.files {
            for (other, name) in &uses[file] {
                if self.files.contains(other) {
                    let (file, other) = (file.display(), other.display());
                    writeln!(text, "    {file} uses {name} of {other}").expect("a String");
                }
            }
        }
        text
    }
}

/// All circles: the strongly connected components of more than one file.
pub(crate) fn find(uses: &Uses) -> Vec<Circle> {
    let reached: BTreeMap<_, _> = uses.keys().map(|file| (file, reach(uses, file))).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for (file, others) in &reached {
        if circles.iter().any(|circle| circle.files.contains(*file)) {
            continue;
        }
        let together = |other: &&PathBuf| reached[other].contains(*file);
        let mut files: BTreeSet<PathBuf> =
            others.iter().copied().filter(together).cloned().collect();
        files.remove(*file);
        if !files.is_empty() {
            files.insert((*file).clone());
            circles.push(Circle { files });
        }
    }
    circles
}

/// Every file that one uses, directly or not.
fn reach<'a>(uses: &'a Uses, from: &PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = uses[from].keys().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(uses.get(file).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}
