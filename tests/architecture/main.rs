//! The rules of the house, held by reading the sources: who may know whom (`docs/architecture.md`).

mod catch_all;
mod circles;
mod documents;
mod guides;
mod imports;
mod snapshots;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the names that must not appear in its code.
struct Rule {
    room: &'static str,
    unknown: &'static [&'static [&'static str]],
    why: &'static str,
}

const KUBERNETES: &[&str] = &["kube::", "k8s_openapi::", "crate::kubernetes"];
const SQL: &[&str] = &["tokio_postgres::", "crate::postgres"];
const SCREEN: &[&str] = &[
    "comfy_table::",
    "console::",
    "indicatif::",
    "dialoguer::",
    "crate::output",
];
const TYPED: &[&str] = &["clap::", "crate::cli"];
const DOING: &[&str] = &[
    "crate::commands",
    "crate::engine",
    "crate::operate",
    "crate::world",
    "crate::backup",
];

/// What would make a decision depend on more than its facts. Crates that do I/O are kept out by `model/Cargo.toml`.
const SURROUNDINGS: &[&str] = &["std::fs", "std::net", "std::env", "Timestamp::now"];

const RULES: [Rule; 14] = [
    Rule {
        room: "model/src",
        unknown: &[SURROUNDINGS],
        why: "the model decides by facts alone",
    },
    Rule {
        room: "model/src/cluster",
        unknown: &[&["crate::plan"]],
        why: "what a cluster is does not depend on what is done to it",
    },
    Rule {
        room: "src/cli",
        unknown: &[KUBERNETES, SQL, &["tokio::"], DOING],
        why: "cli/ only parses",
    },
    Rule {
        room: "src/output",
        unknown: &[KUBERNETES, SQL, TYPED, &["crate::commands"]],
        why: "output/ only renders",
    },
    Rule {
        room: "src/commands",
        unknown: &[&[
            "kube::",
            "k8s_openapi::",
            "tokio_postgres::",
            "\"SELECT ",
            "\"select ",
        ]],
        why: "commands/ is glue: Kubernetes and SQL calls live in the adapters",
    },
    Rule {
        room: "src/events",
        unknown: &[KUBERNETES, SQL, SCREEN, TYPED, DOING],
        why: "events/ says what can happen, and not to whom or how",
    },
    Rule {
        room: "src/engine",
        unknown: &[
            KUBERNETES,
            SQL,
            SCREEN,
            TYPED,
            &[
                "crate::commands",
                "crate::observe",
                "crate::backup",
                "crate::operate",
                "crate::world",
            ],
        ],
        why: "engine/ runs a plan and knows the world only as its trait",
    },
    Rule {
        room: "src/world",
        unknown: &[SCREEN, TYPED, &["crate::commands", "crate::operate"]],
        why: "world/ acts and looks, and does not know who asked",
    },
    Rule {
        room: "src/operate",
        unknown: &[
            SCREEN,
            TYPED,
            &[
                "crate::commands",
                "kube::",
                "k8s_openapi::",
                "tokio_postgres::",
            ],
        ],
        why: "operate/ runs an operation, and neither shows nor asks anything",
    },
    Rule {
        room: "src/postgres",
        unknown: &[KUBERNETES, SCREEN, TYPED, DOING],
        why: "an adapter does not know who calls it",
    },
    Rule {
        room: "src/kubernetes",
        unknown: &[SQL, SCREEN, TYPED, DOING],
        why: "an adapter does not know who calls it",
    },
    Rule {
        room: "src/observe",
        unknown: &[SCREEN, TYPED, DOING],
        why: "observe/ looks, and knows neither who asks nor what is shown",
    },
    Rule {
        room: "src/backup",
        unknown: &[
            SCREEN,
            TYPED,
            &[
                "crate::commands",
                "crate::engine",
                "crate::world",
                "crate::plan",
                "crate::observe",
            ],
        ],
        why: "backup/ is called by whoever runs it, and shows nothing",
    },
    Rule {
        room: "src/wal_archive",
        unknown: &[
            SCREEN,
            TYPED,
            KUBERNETES,
            &[
                "crate::commands",
                "crate::engine",
                "crate::world",
                "crate::plan",
                "crate::observe",
            ],
        ],
        why: "wal_archive/ is called by whoever archives, and neither finds a cluster nor shows anything",
    },
];

#[test]
fn every_room_knows_only_what_it_may() {
    let mut broken = Vec::new();
    for rule in &RULES {
        for (path, code) in sources(rule.room) {
            for (number, line) in code_lines(&code) {
                for name in rule.unknown.iter().flat_map(|names| names.iter()) {
                    if mentions(line, name) {
                        broken.push(format!(
                            "{}:{number}: {name} ({})",
                            path.display(),
                            rule.why
                        ));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn a_mod_file_only_names_what_is_in_the_room() {
    const DEFINES: [&str; 8] = [
        "fn ", "struct ", "enum ", "impl ", "impl<", "trait ", "const ", "static ",
    ];
    let mut broken = Vec::new();
    for (path, code) in ["src", "model/src", "sandbox/src"]
        .map(sources)
        .into_iter()
        .flatten()
    {
        let defines = |line: &str| {
            let line = line
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ");
            DEFINES.iter().any(|keyword| line.starts_with(keyword))
        };
        if path.file_name().is_some_and(|name| name == "mod.rs")
            && let Some((number, _)) = code_lines(&code).find(|(_, line)| defines(line))
        {
            broken.push(format!("{}:{number}", path.display()));
        }
    }
    assert!(
        broken.is_empty(),
        "mod.rs only re-exports, but here is code:\n{}",
        broken.join("\n")
    );
}

/// Folders with files that still use each other in a circle, and why.
const STILL_TANGLED: &[(&str, &str)] = &[];

#[test]
fn no_circle_between_the_files_of_a_folder() {
    let mut new = String::new();
    let mut known = BTreeSet::new();
    for lib in ["src/lib.rs", "sandbox/src/lib.rs", "model/src/lib.rs"] {
        let uses = imports::read(&root(), Path::new(lib));
        for circle in circles::find(&uses) {
            let folder = circle.folder().display().to_string();
            if STILL_TANGLED.iter().any(|(known, _)| *known == folder) {
                known.insert(folder);
            } else {
                writeln!(new, "{folder}:\n{}", circle.describe(&uses)).expect("a String");
            }
        }
    }
    assert!(
        new.is_empty(),
        "files that use each other in a circle: what both need belongs into a file of its own\n{new}"
    );
    let untangled: Vec<_> = STILL_TANGLED
        .iter()
        .filter(|(folder, _)| !known.contains(*folder))
        .collect();
    assert!(
        untangled.is_empty(),
        "no circle here any more, take it off STILL_TANGLED: {untangled:?}"
    );
}

/// What the rule above rests on: re-exports are followed, names in macros are seen, tests are not.
#[test]
fn the_reader_of_imports_finds_a_circle() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |file: &str, code: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, code).expect("a file");
    };
    write("lib.rs", "mod room; mod apart;");
    write("apart.rs", "use crate::room::Egg; fn f(_: Egg) {}");
    write(
        "room/mod.rs",
        "mod egg; mod hen; pub use egg::Egg; pub(crate) use hen::*;",
    );
    write(
        "room/egg.rs",
        "pub struct Egg; fn f() { assert!(super::hatch()); }",
    );
    write(
        "room/hen.rs",
        "use super::Egg; pub fn hatch() -> bool { let _ = Egg; true }",
    );
    let circles = circles::find(&imports::read(folder.path(), Path::new("lib.rs")));
    let found: Vec<_> = circles.iter().map(|circle| circle.folder()).collect();
    assert_eq!(found, [Path::new("room")]);
    write(
        "room/hen.rs",
        "pub fn hatch() -> bool { true } #[cfg(test)] mod tests { use crate::room::Egg; }",
    );
    let circles = circles::find(&imports::read(folder.path(), Path::new("lib.rs")));
    assert!(circles.is_empty());
}

/// Whoever adds an action, a condition, an operation or an event is led by the compiler to each place.
#[test]
fn no_match_over_what_plans_are_made_of_takes_all_the_rest() {
    let found: Vec<String> = ["src", "model/src"]
        .into_iter()
        .flat_map(sources)
        .filter(|(path, _)| !is_of_tests(path))
        .flat_map(|(path, code)| catch_all::find(&path, &code))
        .collect();
    assert!(
        found.is_empty(),
        "name the variants, so that the compiler leads whoever adds one:\n{}",
        found.join("\n")
    );
    for (code, caught) in [
        (
            "fn f(it: Action) { match &it { Action::Observe => {}, _ => {} } }",
            &["x.rs: f: Action"][..],
        ),
        (
            "impl Step for plan::Action { fn f(self) { match self { Self::Observe => {}, rest => {} } } }",
            &["x.rs: f: Action"],
        ),
        (
            "impl Colour { fn f(self) { match self { Self::Red => {}, _ => {} } } }",
            &[],
        ),
    ] {
        assert_eq!(catch_all::find(Path::new("x.rs"), code), caught, "{code}");
    }
}

/// Whether a line writes to the terminal, or takes hold of it. To ask whether it is one, and how large, is neither.
fn writes(line: &str) -> bool {
    let asks = [
        "io::stdout().is_terminal()",
        "io::stderr().is_terminal()",
        "tcgetwinsize(io::stdout())",
    ];
    let line = asks
        .iter()
        .fold(line.to_owned(), |line, asks| line.replace(asks, ""));
    let macros = ["print!", "println!", "eprint!", "eprintln!", "dbg!"];
    // Also by a name that a `use` line has brought.
    let handles = ["io::stdout", "io::stderr", "stdout()", "stderr()"];
    macros.iter().any(|name| mentions(&line, name))
        || handles.iter().any(|name| {
            line.match_indices(name)
                .any(|(at, _)| !line[..at].ends_with(['.', ':']) || name.starts_with("io::"))
        })
}

/// One door to stdout and stderr, which knows of readers that have gone: `output/writer.rs`.
#[test]
fn nobody_else_writes_to_the_terminal() {
    // A credential plugin's own words are passed on as they are, and so is what a program in a pod writes.
    let doors = [
        "src/output/writer.rs",
        "src/kubernetes/login/plugin.rs",
        "src/commands/terminal/screen.rs",
    ];
    let mut elsewhere = Vec::new();
    for (path, code) in sources("src") {
        if is_of_tests(&path) || doors.iter().any(|door| path == Path::new(door)) {
            continue;
        }
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in code_lines(code) {
            if writes(line) {
                elsewhere.push(format!("{}:{number}", path.display()));
            }
        }
    }
    assert!(
        elsewhere.is_empty(),
        "write_stdout and write_stderr are there for that:\n{}",
        elsewhere.join("\n")
    );
    for line in [
        "print!(\"{size}\");",
        "let mut size = io::stdout();",
        "use std::io::stderr;",
        "stderr().write_all(b\"x\")?;",
        "if std::io::stderr().is_terminal() { eprintln!(\"x\"); }",
    ] {
        assert!(writes(line), "{line}");
    }
    for line in [
        "std::io::stderr().is_terminal()",
        "let screen = context.stderr();",
        "blueprint!()",
    ] {
        assert!(!writes(line), "{line}");
    }
}

/// Labels, annotations, keys and paths stand in `names.rs` alone, and the scripts say the same.
#[test]
fn a_name_has_one_home() {
    use pgctl::cluster::names::{DEFAULT_PGDATA, KEPT_DATA};
    let needles = [
        "pgctl.io/",
        "app.kubernetes.io/",
        "statefulset.kubernetes.io/",
        KEPT_DATA,
        DEFAULT_PGDATA,
    ];
    let mut elsewhere = Vec::new();
    for room in ["src", "model/src"] {
        if !root().join(room).exists() {
            continue;
        }
        for (path, code) in sources(room) {
            if is_of_tests(&path) || path.ends_with("names.rs") {
                continue;
            }
            let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            for (number, line) in code_lines(code) {
                for needle in needles.iter().filter(|needle| line.contains(**needle)) {
                    elsewhere.push(format!("{}:{number}: {needle}", path.display()));
                }
            }
        }
    }
    assert!(
        elsewhere.is_empty(),
        "names that belong into cluster/names.rs:\n{}",
        elsewhere.join("\n")
    );
    for (script, name) in [
        ("deploy/base/scripts/start.sh", DEFAULT_PGDATA),
        ("deploy/base/scripts/probe.sh", DEFAULT_PGDATA),
        ("src/backup/restore/volume.sh", DEFAULT_PGDATA),
        ("src/backup/restore/volume.sh", KEPT_DATA),
    ] {
        let text = fs::read_to_string(root().join(script)).expect(script);
        assert!(text.contains(name), "{script} does not say {name}");
    }
}

/// What `deploy/base/scripts` says when PostgreSQL is not started, and what pgctl knows of that.
#[test]
fn the_reasons_of_the_scripts_are_known() {
    use pgctl::cluster::StartReason;
    let mut written = BTreeSet::new();
    let scripts = root().join("deploy/base/scripts");
    for entry in fs::read_dir(&scripts).expect("the scripts") {
        let path = entry.expect("an entry").path();
        let script = fs::read_to_string(path).expect("a script");
        let code = script
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        for line in code {
            let words: Vec<&str> = line.split_whitespace().collect();
            let says = |word: &str| ["hold", "refuse", "clone_failed"].contains(&word);
            let plain = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let pairs = words.windows(2).map(|two| (two[0], two[1]));
            let reasons = pairs.filter(|(first, second)| says(first) && plain(second));
            written.extend(reasons.map(|(_, reason)| reason.to_owned()));
        }
    }
    let known: BTreeSet<String> = StartReason::ALL
        .iter()
        .map(|reason| reason.word().to_owned())
        .collect();
    assert_eq!(written, known);
}

/// What a person sees changes only when somebody has looked at it.
#[test]
fn each_screen_has_its_snapshot() {
    let mut tests = snapshots::Tests::default();
    let mut screens = BTreeSet::new();
    for (path, code) in sources("src/output") {
        if is_of_tests(&path) || code.contains("#[cfg(test)]") {
            tests.read(&path, &code);
        }
        let names = code_lines(&code).filter_map(|(_, line)| line.strip_prefix("pub fn "));
        let names = names.filter_map(|rest| rest.split(['(', '<']).next());
        let names = names.filter(|name| name.ends_with("_screen"));
        screens.extend(names.map(str::to_owned));
    }
    let pictured = tests.pictured();
    let missing: Vec<_> = screens
        .iter()
        .filter(|name| !pictured.contains(name.as_str()))
        .collect();
    assert!(screens.len() > 20, "{screens:?}");
    assert!(
        missing.is_empty(),
        "no snapshot in src/output/tests.rs shows {missing:?}"
    );
}

#[test]
fn main_is_short() {
    let code = fs::read_to_string(root().join("src/main.rs")).expect("src/main.rs");
    let lines = code.lines().count();
    assert!(
        lines < 60,
        "src/main.rs has {lines} lines; it parses, runs, and sets the exit code"
    );
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder. There must be some, or a rule would hold for nothing.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    assert!(
        !found.is_empty(),
        "{folder} has no sources: mend the rule or the house"
    );
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = fs::read_to_string(&path).expect("a readable source");
            let relative = path
                .strip_prefix(root())
                .expect("below the root")
                .to_owned();
            found.push((relative, code));
        }
    }
}

/// Whether a file is compiled for tests only.
fn is_of_tests(path: &Path) -> bool {
    path.ends_with("fixture.rs")
        || path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part == "tests" || part.ends_with("tests.rs")
        })
}

/// Numbered lines without comments.
fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_start()))
        .filter(|(_, line)| !line.starts_with("//"))
}

/// Whether the name stands there as a path of its own (`kube::` is not in `mykube::`).
fn mentions(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}
