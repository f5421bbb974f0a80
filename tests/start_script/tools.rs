//! The programs that the scripts run, of which an image may lack some.

use crate::pod::{Cluster, PRIMARY, skipped};
use anyhow::{Context as _, Result, ensure};
use std::{collections::BTreeSet, fs, path::Path};

/// Without these the scripts do as well.
const OPTIONAL: [&str; 2] = ["flock", "pg_config"];

/// What a script might run.
const UTILITIES: &str = "awk basename cat chgrp chmod chown cksum cmp comm cp cut date dd df diff dirname du env expr find \
    flock getent grep head hostname id install join ln ls md5sum mkdir mkfifo mktemp mv nl od paste ps readlink realpath rm \
    rmdir sed seq sha256sum sleep sort split stat sync tac tail tar tee timeout touch tr uname uniq uuidgen wc xargs";
const OF_POSTGRESQL: &str = "initdb pg_basebackup pg_config pg_controldata pg_ctl pg_isready pg_receivewal pg_resetwal pg_rewind \
    pg_verifybackup postgres psql";

fn scripts() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base/scripts")
}

/// Those that the start script looks for.
fn listed() -> Result<BTreeSet<String>> {
    let script = fs::read_to_string(scripts().join("start.sh"))?;
    let (_, rest) = script.split_once("for tool in ").context("the list")?;
    let (list, _) = rest.split_once("; do").context("its end")?;
    let words = list.split_whitespace().filter(|word| *word != "\\");
    Ok(words.map(str::to_owned).collect())
}

/// Whether a command may begin after this part of a line.
fn begins_a_command(before: &str) -> bool {
    let before = before.trim_end();
    let word = before.rsplit([' ', '(']).next().unwrap_or_default();
    before.is_empty()
        || before.ends_with(['|', '&', ';', '(', '{', '!'])
        || matches!(
            word,
            "then" | "do" | "else" | "if" | "while" | "until" | "exec" | "run" | "env"
        )
        // Before a command there may be a setting of it, or a limit.
        || word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase()))
        || (before.contains("timeout ") && word.chars().all(|c| c.is_ascii_digit()))
}

fn is_of_a_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-./=$".contains(character)
}

fn is_run(program: &str, line: &str, anywhere: bool) -> bool {
    line.match_indices(program).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + program.len()..]);
        !before.ends_with(is_of_a_word)
            && !after.starts_with(is_of_a_word)
            && (anywhere || begins_a_command(before))
    })
}

#[test]
fn every_program_that_the_scripts_run_is_looked_for() -> Result<()> {
    let mut run = BTreeSet::new();
    for script in fs::read_dir(scripts())? {
        let script = fs::read_to_string(script?.path())?;
        let code = script
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            // The list itself runs none of them.
            .filter(|line| {
                !line.contains("for tool in ") && !line.contains("pg_basebackup pg_controldata")
            });
        for line in code {
            let utilities = UTILITIES.split_whitespace().map(|it| (it, false));
            let tools = OF_POSTGRESQL.split_whitespace().map(|it| (it, true));
            let found = utilities
                .chain(tools)
                .filter(|(program, anywhere)| is_run(program, line, *anywhere));
            run.extend(found.map(|(program, _)| program.to_owned()));
        }
    }
    for optional in OPTIONAL {
        ensure!(run.remove(optional), "{optional} is not used any more");
    }
    assert_eq!(run, listed()?);
    Ok(())
}

/// An answer that no program gives is not taken for one.
#[test]
fn a_program_that_is_missing_is_named() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::empty()?;
    for tool in listed()? {
        // PostgreSQL's lie elsewhere, and those here find them.
        if OF_POSTGRESQL.contains(&tool) || !Path::new("/usr/bin").join(&tool).exists() {
            continue;
        }
        let mut primary = cluster.start_without(PRIMARY, &tool)?;
        let message = primary
            .refuses("missing-tool")
            .with_context(|| tool.clone())?;
        ensure!(message.contains(&format!(" {tool},")), "{message}");
    }
    ensure!(!cluster.pgdata(PRIMARY).exists(), "something was made");
    Ok(())
}
