//! The screens of `docs/runbooks/looking.md` are those of the program: whoever reads the runbook at night finds on the
//! terminal what it shows. Figures change from look to look; columns, sentences and the order of lines do not.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail, ensure};
use pgctl::cluster::words::shell_word;
use regex::Regex;
use tokio::process::Command;

use super::test_cluster::{
    Database, PATIENCE, SandboxCluster, Terminal, eventually, full, on_sandbox,
};

const DOCUMENT: &str = "docs/runbooks/looking.md";

/// A line of a screen that stands for any number of others.
const CUT: &str = "...";

const PRIMARY: &str = "primary-0";
const REPLICA: &str = "replica-1";

/// A terminal that nothing is too wide for, and one that `top` has one line a server on.
const WIDE: (usize, usize) = (50, 200);
const LOW: (usize, usize) = (14, 80);

#[test]
fn what_the_document_shows_is_what_the_program_prints() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let mut screens = Screens::of_the_document()?;
        // Before anything is done: what the servers say of slow statements is not in the document, nor the
        // autoscaler that has been idle for long.
        cluster.sql(PRIMARY, "checkpoint").await?;
        come_to_fit(cluster, vec![screens.take("logs")?, screens.take("hpa")?]).await?;
        asks(cluster, &screens.take("users create")?, "yes").await?;
        a_shop(cluster).await?;
        let drops = screens.take("slots drop")?;
        let writes = screens.take("query --write")?;
        let with_locks = vec![screens.take("queries")?, screens.take("connections")?];
        let top = screens.take("top")?;
        let forward = screens.take("port-forward")?;
        // All others only look.
        come_to_fit(cluster, screens.0).await?;
        asks(cluster, &writes, "sandbox").await?;
        a_slot_that_is_left_over(cluster).await?;
        asks(cluster, &drops, "sandbox").await?;
        while_somebody_waits(cluster, with_locks, &top).await?;
        through_a_switchover(cluster, &forward).await
    })
}

#[test]
fn a_screen_that_is_not_as_printed_is_found() -> Result<()> {
    let document = "```text\n$ pgctl lag\nprimary p-0 at 0/565EE10 (seen over 1.6s)\n\nPOD  CAUGHT UP  LAG\n\
                    p-0  yes        0 B\n...\nit ends\n```\n";
    let screens = Screens::read(document)?;
    let [screen] = screens.0.as_slice() else {
        bail!("one screen, not {}", screens.0.len());
    };
    let printed = "primary p-0 at 1/AB (seen over 1m2s)\n\nPOD    CAUGHT UP       LAG\n\
                   p-0    yes        12.5 MiB\np-1    no            1 B\nit ends\n";
    screen.fits(printed)?;
    screen.fits(&printed.replace("p-1    no            1 B\n", ""))?;
    for (line, was, is) in [
        (3, "seen", "looked at"),
        (5, "CAUGHT UP", "UP TO DATE"),
        (5, "CAUGHT UP", "CAUGHT  UP"),
        (5, "    CAUGHT UP       LAG", "    LAG       CAUGHT UP"),
        (4, "\n\nPOD", "\nPOD"),
        (6, "yes ", "no "),
        (6, "12.5 MiB", "-"),
        (8, "it ends\n", ""),
        (8, "it ends\n", "it ends\nand goes on\n"),
    ] {
        ensure!(printed.contains(was), "{was:?} is not there");
        let error = screen.fits(&printed.replacen(was, is, 1)).err();
        let error = error.with_context(|| format!("{was:?} may become {is:?}"))?;
        let place = format!("{DOCUMENT}:{line}: ");
        let told = error.to_string();
        ensure!(told.starts_with(&place), "not at {place}{told}");
    }
    for nobodys in ["```text\nHEALTHY\n```\n", "```\n$ pgctl lag\n```\n"] {
        ensure!(Screens::read(nobodys).is_err(), "{nobodys}");
    }
    Ok(())
}

#[test]
fn a_screen_that_is_drawn_in_pieces_is_put_together() {
    let written = "noise\u{1b}[?1049h\u{1b}[1;1H\u{1b}[1mPOD\u{1b}[1;6HTPS\u{1b}[3;1Hp-0\u{1b}[3;6H-\
                   \u{1b}[m\u{1b}[3;6H7\u{1b}[?1049lafterwards";
    assert_eq!(drawn(written, (4, 8)), "POD  TPS\np-0  7");
}

/// A command of the document, and what stands below it.
struct Screen {
    /// Where the command stands.
    line: usize,
    command: String,
    shows: Vec<(usize, String)>,
}

/// Those that nothing was compared with so far.
struct Screens(Vec<Screen>);

impl Screens {
    fn of_the_document() -> Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        let screens = Self::read(&std::fs::read_to_string(file).context(DOCUMENT)?)?;
        let count = screens.0.len();
        ensure!(count >= 20, "only {count} screens: the search is broken");
        Ok(screens)
    }

    /// Finds each in the blocks of text: a line with `$ ` before it is a command.
    fn read(document: &str) -> Result<Self> {
        let mut screens: Vec<Screen> = Vec::new();
        let (mut inside, mut begins) = (false, false);
        for (number, line) in (1..).zip(document.lines()) {
            if line.starts_with("```") {
                inside = !inside && line == "```text";
                begins = inside;
            } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
                screens.push(Screen {
                    line: number,
                    command: command.to_owned(),
                    shows: Vec::new(),
                });
                begins = false;
            } else if let (true, false, Some(screen)) = (inside, begins, screens.last_mut()) {
                screen.shows.push((number, line.to_owned()));
            } else {
                let outside = !inside && !line.starts_with("$ pgctl ");
                let place = "a screen stands in a block of ```text, below its command";
                ensure!(outside, "{DOCUMENT}:{number}: {place}");
            }
        }
        Ok(Self(screens))
    }

    /// Takes that of a command out: what is to be compared in a way of its own has to stand in the document.
    fn take(&mut self, command: &str) -> Result<Screen> {
        let begins = format!("pgctl {command}");
        let at = self.0.iter().position(|it| {
            let rest = it.command.strip_prefix(&begins);
            rest.is_some_and(|it| it.is_empty() || it.starts_with(' '))
        });
        let at = at.with_context(|| format!("{DOCUMENT} shows no `{begins}` any more"))?;
        Ok(self.0.remove(at))
    }
}

impl Screen {
    /// Every line of it is among what was printed, in this order, and what is more stands where the document has its
    /// [`CUT`].
    fn fits(&self, printed: &str) -> Result<()> {
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        let shapes: Vec<String> = lines.iter().map(|it| shape(it)).collect();
        let parts: Vec<_> = self.shows.split(|(_, line)| line == CUT).collect();
        let mut done = 0;
        for (number, part) in parts.iter().enumerate() {
            let wanted: Vec<String> = part.iter().map(|(_, line)| shape(line)).collect();
            let last = number + 1 == parts.len() && !part.is_empty();
            let end = shapes.len().saturating_sub(part.len()).max(done);
            // The first begins the screen, the last ends it, others stand anywhere.
            let places = match (number, last) {
                (0, _) => done..=done,
                (_, true) => end..=end,
                (_, false) => done..=shapes.len(),
            };
            // The first of those where most of it fits.
            let begins = |at: usize| shapes.get(at..).unwrap_or_default().iter().zip(&wanted);
            let fit = |at: usize| begins(at).take_while(|(is, wanted)| is == wanted).count();
            let best = places.rev().max_by_key(|at| fit(*at)).unwrap_or(done);
            if let Some((line, text)) = part.get(fit(best)) {
                let instead = lines.get(best + fit(best)).copied();
                return self.misses(*line, text, instead, printed);
            }
            done = best + part.len();
        }
        let cut_at_the_end = self.shows.last().is_some_and(|(_, line)| line == CUT);
        match lines.get(done).copied() {
            Some(more) if !cut_at_the_end => {
                let line = self.shows.last().map_or(self.line, |(line, _)| *line);
                self.misses(line, "(nothing more)", Some(more), printed)
            }
            _ => Ok(()),
        }
    }

    fn misses(&self, line: usize, text: &str, instead: Option<&str>, printed: &str) -> Result<()> {
        bail!(
            "{DOCUMENT}:{line}: `{}` does not print\n  {text}\nbut\n  {}\nin\n{printed}",
            self.command,
            instead.unwrap_or("(nothing more)")
        )
    }
}

/// A line without what changes from look to look and from machine to machine, and with one width between columns.
fn shape(line: &str) -> String {
    /// What changes, and what stands for it.
    static CHANGES: LazyLock<[(Regex, &str); 8]> = LazyLock::new(|| {
        [
            // What a server says is its own, and not the same in each of its versions.
            ("LOG: .*", "LOG:"),
            // Where somebody works.
            (r"\bann@\S+", "ann@laptop"),
            // Who has built the server.
            (r" \((?:Debian|Ubuntu) [^)]*\)", ""),
            // The bars of `top`.
            ("[\u{2581}-\u{2588}]+", "  "),
            // A position in WAL.
            (r"\b[0-9A-F]+/[0-9A-F]+\b", "#"),
            // Numbers, sizes, paces, times and addresses.
            (
                r"[<-]?(?:\d+(?:[.:]\d+)*(?: ?(?:[kKMGT]i?)?B(?:/s)?\b|ms|min|[smhdy])?)+",
                "#",
            ),
            // What is chosen, or stands below another: how far from it depends on the figure.
            ("^([>└]) +", "$1 "),
            (" {2,}", " | "),
        ]
        .map(|(what, instead)| (Regex::new(what).expect("a pattern"), instead))
    });
    let line = line.trim().to_owned();
    CHANGES.iter().fold(line, |line, (what, instead)| {
        what.replace_all(&line, *instead).into_owned()
    })
}

/// The command as a shell runs it, and its environment: as ann, whom the document shows.
fn as_ann(
    cluster: &SandboxCluster,
    command: &str,
) -> Result<(String, Vec<(&'static str, OsString)>)> {
    let arguments = command.strip_prefix("pgctl");
    let arguments = arguments.with_context(|| format!("`{command}` is none of pgctl's"))?;
    let (program, environment) = cluster.terminal_line(&[])?;
    let mut environment = environment.to_vec();
    environment.push(("PGCTL_USER", "ann".into()));
    Ok((format!("{}{arguments}", program.trim_end()), environment))
}

/// What a command prints that only looks, into no terminal.
async fn printed(cluster: &SandboxCluster, command: &str) -> Result<String> {
    let (line, environment) = as_ann(cluster, command)?;
    let output = Command::new("sh")
        .args(["-c", &line])
        .envs(environment)
        .env("PGCTL_CONFIG", "")
        .current_dir(cluster.folder())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .with_context(|| format!("`{command}` does not end"))??;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    ensure!(output.status.success(), "{}: {text}", output.status);
    Ok(text)
}

/// Runs a command on a terminal of so many rows and columns.
fn on_a_terminal(
    cluster: &SandboxCluster,
    command: &str,
    (rows, columns): (usize, usize),
) -> Result<Terminal> {
    let (line, environment) = as_ann(cluster, command)?;
    let line = format!("stty rows {rows} cols {columns}; exec {line}");
    Terminal::runs(&format!("sh -c {}", shell_word(&line)), &environment)
}

/// Waits until each is as the document has it: what was just done is counted, measured and replayed a little later.
async fn come_to_fit(cluster: &SandboxCluster, mut screens: Vec<Screen>) -> Result<()> {
    eventually("the screens are as in the document", async || {
        let mut wrong = Vec::new();
        for screen in std::mem::take(&mut screens) {
            let printed = printed(cluster, &screen.command).await;
            if let Err(error) = printed.and_then(|it| screen.fits(&it)) {
                wrong.push(format!("{error:#}"));
                screens.push(screen);
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        Ok(())
    })
    .await
}

/// A command that asks before it does something.
async fn asks(cluster: &SandboxCluster, screen: &Screen, answer: &str) -> Result<()> {
    let mut terminal = on_a_terminal(cluster, &screen.command, WIDE)?;
    terminal.shows("to go on: ").await?.types(answer).await?;
    let (code, shown) = terminal.ends().await?;
    ensure!(code == Some(0), "{code:?}: {shown}");
    screen.fits(&shown)
}

/// Tables in the database: one that is larger than all that PostgreSQL has of its own.
async fn a_shop(cluster: &SandboxCluster) -> Result<()> {
    let make = "create table orders (id int primary key, what text)";
    let make = format!("pgctl query --write -d shop {} --yes", shell_word(make));
    printed(cluster, &make).await?;
    for sql in [
        "insert into orders select n, 'something' from generate_series(1, 60000) n",
        "analyze orders",
        "create table sessions as select 'abc'::text as token",
    ] {
        in_the_shop(cluster, sql).await?;
    }
    cluster.all_stream().await.map(drop)
}

async fn in_the_shop(cluster: &SandboxCluster, sql: &str) -> Result<()> {
    let (address, login) = (cluster.address(PRIMARY)?, &cluster.login);
    Database::ask(&address, login, "shop", sql).await.map(drop)
}

async fn a_slot_that_is_left_over(cluster: &SandboxCluster) -> Result<()> {
    let make = "select pg_create_physical_replication_slot('left_over', true)";
    cluster.sql(PRIMARY, make).await?;
    in_the_shop(cluster, "update orders set what = 'sold' where id < 1000").await
}

async fn as_app(cluster: &SandboxCluster) -> Result<Database> {
    let secret = cluster.secret("sandbox-user-app")?;
    let password = secret.get("password").context("password")?;
    let session = cluster.open_as(PRIMARY, "app", password, "shop").await?;
    session.rows("set application_name = 'psql'").await?;
    Ok(session)
}

/// One who has locked a row and does nothing, and one who waits for it.
async fn while_somebody_waits(
    cluster: &SandboxCluster,
    screens: Vec<Screen>,
    top: &Screen,
) -> Result<()> {
    let (holds, waits) = (as_app(cluster).await?, as_app(cluster).await?);
    holds.rows("create table held as select 1 as id").await?;
    holds.rows("begin").await?;
    holds.rows("update held set id = 2").await?;
    let waiting = waits.rows("update held set id = 3");
    let look = async {
        let looks = async {
            come_to_fit(cluster, screens).await?;
            live(cluster, top).await
        };
        // Also when they do not fit: the other one would wait on.
        let looked = looks.await;
        holds.rows("commit").await?;
        looked
    };
    let (waited, looked) = futures::join!(waiting, look);
    looked?;
    waited.map(drop)
}

/// `pgctl top`, while a server does not answer.
async fn live(cluster: &SandboxCluster, screen: &Screen) -> Result<()> {
    cluster.freeze(REPLICA).await?;
    eventually("the live screen is as in the document", async || {
        tokio::time::timeout(PATIENCE, look_once(cluster, screen)).await?
    })
    .await?;
    cluster.mend().await
}

async fn look_once(cluster: &SandboxCluster, screen: &Screen) -> Result<()> {
    // Nobody has to wait for the ten seconds that the document has.
    let command = format!("{} --timeout 3s", screen.command);
    let mut terminal = on_a_terminal(cluster, &command, LOW)?;
    // From the second look on there are rates, and a share of the cache.
    for word in ["blocked", "answer", "%"] {
        terminal.shows(word).await?;
    }
    // The cursor goes to the first statement, whose line is drawn anew, spaces and all.
    terminal.presses(b"\x1b[B").await?.shows("> ").await?;
    terminal.presses(b"q").await?;
    let (code, written) = terminal.ends().await?;
    ensure!(code == Some(0), "{code:?}: {written:?}");
    screen.fits(&drawn(&written, LOW))
}

/// What stood on the screen when the program left it, without empty lines. It is drawn by what has changed: text,
/// and where the cursor goes before it.
fn drawn(written: &str, (rows, columns): (usize, usize)) -> String {
    let mut screen = vec![vec![' '; columns]; rows];
    let (mut row, mut column) = (0, 0);
    let written = written.split("\u{1b}[?1049l").next().unwrap_or_default();
    for piece in written.split("\u{1b}[").skip(1) {
        let end = piece.find(char::is_alphabetic).unwrap_or(piece.len());
        let (place, rest) = piece.split_at(end);
        let mut text = rest.chars();
        if text.next() == Some('H') {
            let numbers = place.split(';').map(|it| it.parse().unwrap_or(1_usize));
            let mut places = numbers.map(|it| it.saturating_sub(1));
            row = places.next().unwrap_or_default();
            column = places.next().unwrap_or_default();
        }
        for c in text.filter(|c| !c.is_control()) {
            if let Some(place) = screen.get_mut(row).and_then(|it| it.get_mut(column)) {
                *place = c;
            }
            column += 1;
        }
    }
    let lines: Vec<String> = screen.into_iter().map(String::from_iter).collect();
    let lines: Vec<&str> = lines.iter().map(|it| it.trim_end()).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|it| !it.is_empty()).collect();
    lines.join("\n")
}

/// `pgctl port-forward`, until its pod is the primary no more.
async fn through_a_switchover(cluster: &SandboxCluster, screen: &Screen) -> Result<()> {
    cluster.all_stream().await?;
    // That port may be taken on this machine.
    let command = screen.command.replace("--port 15432", "--port 0");
    let mut terminal = on_a_terminal(cluster, &command, WIDE)?;
    terminal.shows("Ctrl-C ends").await?;
    let moving = cluster.pgctl(&["failover", "--to", REPLICA, "--yes"]);
    moving.await?.exits(0)?;
    let leads = format!("write: leads to {} now", full(REPLICA));
    screen.fits(terminal.shows(&leads).await?.shown())
}
