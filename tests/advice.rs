//! Every command that `pgctl` suggests can be typed: what findings, refusals, failures and the start
//! script tell people to do next, and what the documents show, is parsed by the real command line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use pgctl::cli::{Cli, command};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with one of these endings.
fn files(below: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings
                .iter()
                .any(|it| path.to_string_lossy().ends_with(it))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The command that begins at `text` (just after `pgctl `), as words: it ends where the shell, the
/// string or the sentence does.
fn words(text: &str) -> Vec<String> {
    let ends = ['"', '`', '|', ';', '>', '<', '&', '\n'];
    let line = text.split(ends).next().unwrap_or_default();
    let line = line.split(" #").next().unwrap_or_default();
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        let end = word.ends_with([')', ',', '.', ':']) && !word.ends_with("...");
        let word = word.trim_end_matches([')', ',', '.', ':', '\\']);
        let word = word.trim_matches(['[', ']', '\'']);
        if !word.is_empty() {
            words.push(word.to_owned());
        }
        if end {
            break;
        }
    }
    words
}

/// Puts something in for what a format string leaves open.
fn filled(word: &str) -> Vec<String> {
    let text = match word {
        "{flags}" => return ["-n", "x"].map(str::to_owned).to_vec(),
        "{kind}" => "failover".to_owned(),
        "..." | "…" => String::new(),
        _ => word.to_owned(),
    };
    let mut filled = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                // What follows at once may be empty: `{to}{flag}`.
                if !filled.ends_with('x') {
                    filled.push('x');
                }
            }
            _ if depth == 0 => filled.push(letter),
            _ => {}
        }
    }
    (!filled.is_empty()).then_some(filled).into_iter().collect()
}

/// Whether these words are a command line, possibly with more of the sentence behind them. None
/// when they begin with no command: a sentence about the program, or a command that is not there.
fn parses(words: &[String]) -> Option<bool> {
    let mut line: Vec<String> = words.iter().flat_map(|word| filled(word)).collect();
    // `{} --resume`: a command of its own says what it resumes.
    if line.first().is_some_and(|word| word == "x") {
        line[0] = "failover".to_owned();
    }
    let known = command();
    let is_command = |word: &String| known.find_subcommand(word).is_some();
    let begins = match line.first()?.as_str() {
        "-n" | "--namespace" | "--context" => 2,
        _ => 0,
    };
    let first = line.get(begins)?;
    if !is_command(first) {
        if first.starts_with('-') {
            return Some(parse(&line));
        }
        return None;
    }
    let flags = line.iter().rposition(|word| word.starts_with('-'));
    // `pgctl reinit` by itself names the command, and says nothing of what it takes.
    if line.len() == begins + 1 {
        return Some(true);
    }
    let least = flags.unwrap_or(begins).max(begins) + 1;
    Some((least..=line.len()).rev().any(|end| parse(&line[..end])))
}

fn parse(line: &[String]) -> bool {
    // What a format string leaves open may be a number.
    let with = |open: &str| {
        let words = line.iter().map(|word| match word.as_str() {
            "x" => open.to_owned(),
            word => word.to_owned(),
        });
        let arguments = std::iter::once("pgctl".to_owned()).chain(words);
        match Cli::try_parse_from(arguments) {
            Ok(_) => true,
            // Help and the version are no errors.
            Err(error) => error.exit_code() == 0,
        }
    };
    with("x") || with("1")
}

/// Whether what stands here is code, and no part of a sentence: in backticks, or a line of a block.
fn quoted(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let begins_line = before.ends_with(['\n', '$']) || before.ends_with("$ ");
    before.ends_with(['`', '(']) || begins_line && before.matches("```").count() % 2 == 1
}

/// What of a text can't be typed, and how many commands it has.
fn check(place: &Path, text: &str, wrong: &mut Vec<String>) -> usize {
    let mut commands = 0;
    for (at, _) in text.match_indices("pgctl ") {
        // Not the name of something else, as in `cargo run --bin pgctl-sandbox`, `./pgctl.conf`.
        let before = text[..at].chars().next_back();
        if before.is_some_and(|it| it.is_alphanumeric() || "-_/.{".contains(it)) {
            continue;
        }
        if text[..at].ends_with("there is no `") {
            continue;
        }
        let words = words(&text[at + "pgctl ".len()..]);
        match parses(&words) {
            None if !quoted(text, at) => {}
            Some(true) => commands += 1,
            Some(false) | None => {
                let number = text[..at].lines().count();
                let place = place.strip_prefix(root()).unwrap_or(place);
                wrong.push(format!(
                    "{}:{number}: pgctl {}",
                    place.display(),
                    words.join(" ")
                ));
            }
        }
    }
    commands
}

fn all_can_be_typed(commands: usize, at_least: usize, wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "these can't be typed:\n{}",
        wrong.join("\n")
    );
    assert!(
        commands >= at_least,
        "only {commands} commands were found: the search is broken"
    );
}

/// A source file without its comments and its tests.
fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_program_suggests_can_be_typed() {
    let (mut wrong, mut commands) = (Vec::new(), 0);
    for path in files("src", &[".rs"]) {
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        commands += check(&path, &code(&text), &mut wrong);
    }
    all_can_be_typed(commands, 60, &wrong);
}

/// `kubectl` without a namespace asks in whatever one somebody's context has: what it does not find there reads like gone.
#[test]
fn every_kubectl_that_is_suggested_has_its_namespace() {
    const VERBS: [&str; 12] = [
        "get",
        "describe",
        "delete",
        "edit",
        "patch",
        "scale",
        "annotate",
        "label",
        "exec",
        "logs",
        "port-forward",
        "rollout",
    ];
    const OF_NO_NAMESPACE: [&str; 4] = [
        "get nodes",
        "describe node ",
        "get namespaces",
        "get events --all-namespaces",
    ];
    let (mut found, mut wrong) = (0, Vec::new());
    for below in ["src", "model/src"] {
        for file in files(below, &[".rs"]) {
            let name = file.to_string_lossy();
            if name.ends_with("tests.rs") || name.contains("/tests/") {
                continue;
            }
            let text = code(&fs::read_to_string(&file).expect("a source file"));
            for (at, _) in text.match_indices("kubectl ") {
                let rest = text[at + "kubectl ".len()..].lines().next();
                let rest = rest.and_then(|it| it.split('"').next()).unwrap_or_default();
                let verb = rest.split(' ').next().is_some_and(|it| VERBS.contains(&it));
                if rest.starts_with("-n {") || rest.starts_with("-n NS ") {
                    found += 1;
                } else if verb
                    && !OF_NO_NAMESPACE.iter().any(|it| rest.starts_with(it))
                    && !rest.contains("-n {")
                {
                    wrong.push(format!("{}: kubectl {rest}", file.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these have no namespace:\n{}",
        wrong.join("\n")
    );
    assert!(found > 20, "only {found} were found: the search is broken");
}

#[test]
fn what_the_deployment_suggests_can_be_typed() {
    let (mut wrong, mut commands) = (Vec::new(), 0);
    for path in files("deploy", &[".sh", ".yaml"]) {
        let text = fs::read_to_string(&path).expect("a file of the deployment");
        commands += check(&path, &text, &mut wrong);
    }
    all_can_be_typed(commands, 10, &wrong);
}

#[test]
fn what_the_documents_show_can_be_typed() {
    let (mut wrong, mut commands) = (Vec::new(), 0);
    let mut pages = files("docs", &[".md"]);
    // Generated from the command line, whose texts are looked at above.
    pages.retain(|page| !page.ends_with("docs/commands.md"));
    pages.extend(["README.md", "sandbox/README.md"].map(|page| root().join(page)));
    for path in pages {
        let text = fs::read_to_string(&path).expect("a document");
        commands += check(&path, &text, &mut wrong);
    }
    all_can_be_typed(commands, 60, &wrong);
}

/// "docs/runbooks/failover.md, section "Two primaries"": the page is there, and has that heading.
#[test]
fn the_pages_and_sections_that_are_pointed_to_are_there() {
    let (mut wrong, mut sections) = (Vec::new(), 0);
    let all = ["src", "model/src", "deploy"].map(|below| files(below, &[".rs", ".sh", ".yaml"]));
    for path in all.into_iter().flatten() {
        let text = fs::read_to_string(&path).expect("a source file");
        let text = code(&text).replace("\\\"", "\"");
        for (at, _) in text.match_indices("docs/") {
            let rest = &text[at..];
            let Some(page) = rest.split_inclusive(".md").next().filter(|it| {
                it.ends_with(".md")
                    && it
                        .chars()
                        .all(|c| c.is_alphanumeric() || "/-_.".contains(c))
            }) else {
                continue;
            };
            let place = path.strip_prefix(root()).unwrap_or(&path).display();
            let Ok(content) = fs::read_to_string(root().join(page)) else {
                wrong.push(format!("{place}: {page} is not there"));
                continue;
            };
            let Some(named) = rest[page.len()..].strip_prefix(", section \"") else {
                continue;
            };
            let named = named.split('"').next().unwrap_or_default();
            sections += 1;
            let is_heading = |line: &str| line.trim_start_matches('#') == format!(" {named}");
            if !content.lines().any(is_heading) {
                wrong.push(format!("{place}: {page} has no section {named:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        sections >= 2,
        "only {sections} sections were found: the search is broken"
    );
}

/// A command that is not in the table of the README is known to nobody.
#[test]
fn every_command_is_in_the_table_of_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let first_cells: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
        .map(|(cell, _)| cell)
        .collect();
    let named = |name: &str| {
        let mut quoted = first_cells.iter().flat_map(|cell| cell.split('`'));
        quoted.any(|text| text.trim_start_matches("pgctl ").split(' ').next() == Some(name))
    };
    let command = command();
    let visible = command.get_subcommands().filter(|it| !it.is_hide_set());
    let names: Vec<&str> = visible.map(clap::Command::get_name).collect();
    assert!(names.contains(&"status"), "{names:?}");
    let lacking: Vec<&&str> = names.iter().filter(|name| !named(name)).collect();
    assert!(lacking.is_empty(), "not in the README: {lacking:?}");
}

/// The CronJobs' `args`.
#[test]
fn what_the_cronjobs_run_can_be_typed() {
    let files = ["backup/cronjobs.yaml", "wal-archive/cronjob.yaml"];
    let text = files.map(|file| {
        let path = root().join("deploy/components").join(file);
        fs::read_to_string(path).expect("the CronJobs")
    });
    let lines = text
        .iter()
        .flat_map(|it| it.lines())
        .filter_map(|line| line.trim().strip_prefix("args: "));
    let mut jobs = 0;
    for line in lines {
        let arguments: Vec<String> = serde_json::from_str(line).expect("a list of strings");
        assert!(parse(&arguments), "{arguments:?}");
        jobs += 1;
    }
    assert!(jobs >= 6, "only {jobs} CronJobs were found");
}

/// The search itself: it takes commands apart as meant, and finds wrong ones.
#[test]
fn the_search_tells_right_from_wrong() {
    let told = |text: &str| parses(&words(text));
    for right in [
        "status -A",
        "-n {namespace} failover --to {} --dry-run\"",
        "{} --resume -n {}{}\"",
        "failover first)",
        "lag -w), or raise --max-lag",
        "backup prune ... --dry-run",
        "status -o json | jq -r '.findings[0].what'",
        "backup list|verify|prune`",
        "reinit {pod} when it can't follow",
    ] {
        assert_eq!(told(right), Some(true), "{right}");
    }
    for wrong in ["failover --too x", "lag --max-lag much", "--namespac x lag"] {
        assert_eq!(told(wrong), Some(false), "{wrong}");
    }
    let page = "As pgctl does, `pgctl dance` and\n```\n$ pgctl dance\n```\nmake\npgctl dance.";
    let mut wrong = Vec::new();
    check(Path::new("page"), page, &mut wrong);
    assert_eq!(wrong, ["page:1: pgctl dance", "page:3: pgctl dance"]);
}

/// Options of others that messages name: kubectl's, pg_checksums', and the one that every program has.
const FOREIGN: [&str; 11] = [
    "delete-emptydir-data",
    "enable",
    "force",
    "force-conflicts",
    "help",
    "ignore-daemonsets",
    "list",
    "replicas",
    "show-labels",
    "show-managed-fields",
    "type",
];

#[test]
fn every_option_that_a_message_names_is_one() {
    fn collect(command: &clap::Command, known: &mut BTreeSet<String>) {
        known.extend(
            command
                .get_arguments()
                .filter_map(|it| it.get_long())
                .map(str::to_owned),
        );
        for command in command.get_subcommands() {
            collect(command, known);
        }
    }
    let mut known: BTreeSet<String> = FOREIGN.map(str::to_owned).into();
    collect(&command(), &mut known);
    let mut unknown = BTreeSet::new();
    for file in files("model/src", &[".rs"]) {
        let name = file.to_string_lossy().into_owned();
        if name.contains("tests") || name.contains("fixture") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for (at, _) in line.match_indices("--") {
                let before = line[..at].chars().next_back();
                let option = &line[at + 2..];
                let end = option.find(|c: char| !c.is_ascii_lowercase() && c != '-');
                let option = &option[..end.unwrap_or(option.len())];
                let begins = before.is_none_or(|c| c.is_whitespace() || "\"'`(".contains(c));
                if begins && option.len() > 1 && !known.contains(option) {
                    unknown.insert(format!("--{option} in {name}"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "no option of pgctl: {unknown:#?}");
}
