//! The links of the documents: to pages and headings that are there, on a hosting service and in the book of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::root;

/// The pages beside those in `docs/`.
const OTHERS: [&str; 5] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "sandbox/README.md",
];

/// What the book consists of, in its order.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Every page below a folder, by its path from the root.
fn pages(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(below)).expect("a folder of the documents") {
        let entry = entry.expect("it can be listed");
        let path = below.join(entry.file_name());
        if entry.path().is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|it| it == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page:?}: {error}"))
}

/// Without the blocks of code.
fn prose(page: &str) -> String {
    let mut code = false;
    let mut prose = String::new();
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        if !code && !fence {
            prose.push_str(line);
        }
        prose.push('\n');
    }
    prose
}

/// Without what stands in backticks. A paragraph ends it.
fn without_code(prose: &str) -> String {
    let mut left = String::new();
    for paragraph in prose.split_inclusive("\n\n") {
        let mut rest = paragraph;
        while let Some(at) = rest.find('`') {
            let (before, from) = rest.split_at(at);
            left.push_str(before);
            let inner = from.trim_start_matches('`');
            let ticks = &from[..from.len() - inner.len()];
            // Without a second one they are backticks and no more.
            rest = inner.split_once(ticks).map_or(inner, |(_, after)| after);
        }
        left.push_str(rest);
    }
    left
}

/// Where the links of a page lead, as they are written.
fn links(page: &str) -> Vec<String> {
    let text = without_code(&prose(page));
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|it| it.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// What a heading is linked to by: GitHub's rule, and the book's.
fn anchor(heading: &str) -> String {
    // Of a link only the words are seen.
    let words = heading.split("](").enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.split_once(')').map_or(part, |(_, rest)| rest),
    });
    let words: String = words.collect();
    let letters = words.trim().chars().filter_map(|it| match it {
        ' ' => Some('-'),
        '-' | '_' => Some(it),
        _ => it.is_alphanumeric().then_some(it),
    });
    letters.flat_map(char::to_lowercase).collect()
}

/// The anchors of a page's headings. The second of a name is `name-1`.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for line in prose(page).lines() {
        let text = line.trim_start_matches('#');
        if !matches!(line.len() - text.len(), 1..=6) || !text.starts_with(' ') {
            continue;
        }
        let name = anchor(text);
        let count = seen.entry(name.clone()).or_default();
        anchors.insert(match *count {
            0 => name,
            more => format!("{name}-{more}"),
        });
        *count += 1;
    }
    anchors
}

/// The file that a link of a page leads to, by its path from the root; none when it leads out of the repository.
fn target(page: &Path, link: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

/// What is wrong with a link, if anything.
fn trouble(page: &Path, link: &str) -> Option<String> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = if file.is_empty() {
        page.to_owned()
    } else {
        let Some(path) = target(page, file) else {
            return Some("leads out of the repository".to_owned());
        };
        path
    };
    if !root().join(&path).exists() {
        return Some(format!("{} is not there", path.display()));
    }
    if !heading.is_empty() && !anchors(&read(&path)).contains(heading) {
        return Some(format!("{} has no heading for it", path.display()));
    }
    None
}

fn elsewhere(link: &str) -> bool {
    link.starts_with("https://")
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let mut all = pages(Path::new("docs"));
    all.extend(OTHERS.map(PathBuf::from));
    let (mut found, mut wrong) = (0, Vec::new());
    for page in all {
        let links = links(&read(&page));
        for link in links.iter().filter(|it| !elsewhere(it) && !it.is_empty()) {
            found += 1;
            if let Some(why) = trouble(&page, link) {
                wrong.push(format!("{}: ({link}) {why}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        found > 100,
        "only {found} links were found: the search is broken"
    );
}

/// What lies elsewhere in the repository is no part of the book: it is named, and not linked to.
#[test]
fn the_book_has_every_page_once_and_leads_to_nothing_outside() {
    let summary = Path::new(SUMMARY);
    let chapters = links(&read(summary));
    let chapters = chapters.iter().filter(|link| !link.is_empty());
    let mut chapters: Vec<PathBuf> = chapters.filter_map(|it| target(summary, it)).collect();
    chapters.sort();
    let mut written = pages(Path::new("docs"));
    written.retain(|page| page != summary);
    assert_eq!(chapters, written, "{SUMMARY}, and what there is");
    let mut wrong = Vec::new();
    for page in &written {
        for link in links(&read(page)).iter().filter(|it| !elsewhere(it)) {
            let file = link.split('#').next().unwrap_or_default();
            let path = target(page, file);
            let within = path.is_some_and(|it| it.starts_with("docs") && !root().join(it).is_dir());
            if !file.is_empty() && !within {
                wrong.push(format!("{}: ({link})", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the book:\n{}", wrong.join("\n"));
}

#[test]
fn links_and_headings_are_read_as_they_are_shown() {
    let page = "# A page\n\nOne [link](a.md#b), [`code`](b.md); `no [link](c.md)`, a lone ` and [one](d.md).\n\n\
        ```sh\n# no heading\n[no link](e.md)\n```\n## What `pgctl query` can't do, and can\n## A page\n\
        ### With a [link](f.md) / in it\n#no heading\n";
    assert_eq!(links(page), ["a.md#b", "b.md", "d.md", "f.md"]);
    let expected = [
        "a-page",
        "a-page-1",
        "what-pgctl-query-cant-do-and-can",
        "with-a-link--in-it",
    ];
    assert_eq!(anchors(page), expected.map(str::to_owned).into());
    let here = Path::new("docs/runbooks/backup.md");
    assert_eq!(target(here, "../checks.md"), Some("docs/checks.md".into()));
    assert_eq!(target(here, "../../../etc/passwd"), None);
    for wrong in [
        "nothing.md",
        "restore.md#nothing",
        "#nothing",
        "../../../etc/passwd",
    ] {
        assert!(trouble(here, wrong).is_some(), "{wrong}");
    }
    assert_eq!(trouble(here, "restore.md#all-volumes-are-lost"), None);
}
