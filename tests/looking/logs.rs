//! `pgctl logs`, with pods that crash, come and go while they are followed.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use super::test_cluster::{
    PATIENCE, SandboxCluster, Terminal, TestCluster, VIEWER, document, eventually, full,
    on_sandbox, unpacked,
};

/// Writes an error into a server's log.
async fn complain(cluster: &TestCluster, pod: &str, words: &str) -> Result<()> {
    let block = format!("DO $$BEGIN RAISE WARNING E'%\\nsecond line', '{words}'; END$$");
    let session = cluster.open(pod).await?;
    session.rows("SET log_min_messages = 'warning'").await?;
    session.rows(&block).await?;
    Ok(())
}

#[test]
fn logs_are_one_and_stay_one() -> Result<()> {
    on_sandbox(2, async |cluster| {
        all_in_the_order_of_time(cluster).await?;
        chosen(cluster).await?;
        wrong_names_and_patterns(cluster).await?;
        slow_statements(cluster).await?;
        permissions(cluster).await?;
        a_closed_pipe(cluster).await?;
        hostile_entries(cluster).await?;
        colours_are_pgctls_own(cluster).await?;
        a_server_that_writes_into_files(cluster).await?;
        followed_through_a_crash(cluster).await?;
        followed_while_pods_come_and_go(cluster).await?;
        followed_through_a_failover(cluster).await?;
        without_a_primary(cluster).await?;
        a_silent_pod_costs_the_others_nothing(cluster).await
    })
}

async fn all_in_the_order_of_time(cluster: &TestCluster) -> Result<()> {
    for (pod, words) in [
        ("primary-0", "first"),
        ("replica-0", "second"),
        ("primary-0", "third"),
    ] {
        complain(cluster, pod, words).await?;
    }
    // Who does not say its role within two seconds has none on the screen: a busy machine may take longer.
    let run = eventually("each server says in time what it is", async || {
        let run = cluster.pgctl(&["logs", "--level", "warning"]).await?;
        let run = run.exits(0)?;
        ensure!(!run.stdout.contains("-0 ? "), "{run}");
        Ok(run)
    })
    .await?;
    let at = |words: &str| run.stdout.find(&format!("WARNING:  {words}"));
    let places = [at("first"), at("second"), at("third")];
    ensure!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{run}"
    );
    ensure!(run.stdout.contains("replica-0 standby | "), "{run}");
    // An entry is all its lines, each with its pod.
    ensure!(
        run.stdout
            .contains("primary-0 primary |         second line\n"),
        "{run}"
    );
    ensure!(!run.stdout.contains("LOG:  "), "{run}");
    Ok(())
}

async fn chosen(cluster: &TestCluster) -> Result<()> {
    let arguments = ["logs", "replicas", "--grep", "(?i)SECOND$", "-o", "json"];
    let run = cluster.pgctl(&arguments).await?.exits(0)?;
    let entries: Vec<Value> = run.stdout.lines().map(document).collect::<Result<_, _>>()?;
    let [entry] = entries.as_slice() else {
        anyhow::bail!("one entry: {run}");
    };
    ensure!(
        entry["kind"] == "LogEntry" && entry["level"] == "warning",
        "{entry}"
    );
    ensure!(
        entry["pod"] == full("replica-0") && entry["role"] == "standby",
        "{entry}"
    );
    ensure!(entry["message"] == "second\nsecond line", "{entry}");
    ensure!(entry["user"] == cluster.login.user(), "{entry}");
    let tail = cluster
        .pgctl(&["logs", "primary", "--tail", "1"])
        .await?
        .exits(0)?;
    ensure!(tail.stdout.lines().count() == 1, "{tail}");
    let future = cluster.pgctl(&["logs", "--since", "1ms"]).await?.exits(0)?;
    ensure!(!future.stdout.contains("first"), "{future}");
    Ok(())
}

async fn wrong_names_and_patterns(cluster: &TestCluster) -> Result<()> {
    let run = cluster.pgctl(&["logs", "replica-7"]).await?.exits(2)?;
    run.says(&full("replica-1"))?;
    let run = cluster.pgctl(&["logs", "repilca-0"]).await?.exits(2)?;
    run.says(&format!("next: pgctl logs {}", full("replica-0")))?;
    cluster
        .pgctl(&["logs", "--grep", "("])
        .await?
        .exits(2)?
        .says("--grep")?;
    let previous = cluster.pgctl(&["logs", "primary", "--previous"]).await?;
    ensure!(previous.status.code() == Some(1), "{previous}");
    previous.says("previous")?;
    Ok(())
}

async fn slow_statements(cluster: &TestCluster) -> Result<()> {
    let session = cluster.open("primary-0").await?;
    session.rows("SET log_min_duration_statement = 0").await?;
    for number in 0..3 {
        session
            .rows(&format!("SELECT {number}, 'secret{number}'"))
            .await?;
    }
    drop(session);
    let run = cluster
        .pgctl(&["logs", "--slow", "-o", "json"])
        .await?
        .exits(0)?;
    let document = run.json()?;
    let statements = document["statements"].as_array().context("statements")?;
    let found = statements
        .iter()
        .find(|it| it["statement"] == "select ?")
        .context(run.stdout.clone())?;
    ensure!(found["count"] == 3, "{found}");
    ensure!(!run.stdout.contains("secret1"), "{run}");
    cluster
        .pgctl(&["logs", "--slow"])
        .await?
        .exits(0)?
        .says("select ?")?;
    Ok(())
}

async fn permissions(cluster: &SandboxCluster) -> Result<()> {
    cluster.grant(VIEWER, "vera")?;
    let vera = cluster.kubeconfig_of("vera")?;
    let run = cluster
        .pgctl(&["--kubeconfig", &vera, "logs", "--tail", "1"])
        .await?;
    run.exits(0)?;
    let fewer = VIEWER.replace("resources: [pods/log]", "resources: [pods/status]");
    cluster.grant(
        &fewer.replace("name: pgctl-viewer", "name: no-logs"),
        "nils",
    )?;
    let nils = cluster.kubeconfig_of("nils")?;
    let run = cluster
        .pgctl(&["--kubeconfig", &nils, "logs"])
        .await?
        .exits(3)?;
    run.says("pods/log")?;
    // What can't be read will not be by waiting.
    let follow = ["--kubeconfig", &nils, "logs", "-f"];
    let run = tokio::time::timeout(PATIENCE, cluster.pgctl(&follow)).await??;
    run.exits(3)?.says("pods/log")?;
    Ok(())
}

async fn a_closed_pipe(cluster: &TestCluster) -> Result<()> {
    let mut child = cluster.command(&["logs", "-f"])?.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    ensure!(lines.next_line().await?.is_some());
    drop(lines);
    // The next entry meets nobody.
    complain(cluster, "primary-0", "nobody reads this").await?;
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await??;
    ensure!(output.status.code() == Some(0), "{output:?}");
    ensure!(output.stderr.is_empty(), "{output:?}");
    Ok(())
}

async fn hostile_entries(cluster: &TestCluster) -> Result<()> {
    let long = "x".repeat(3 << 20);
    let session = cluster.open("replica-1").await?;
    let hostile =
        format!("DO $$BEGIN RAISE WARNING '%', E'\\x1b]0;owned\\x07\\x1b[2J|' || '{long}'; END$$");
    session.rows("SET log_min_messages = 'warning'").await?;
    session.rows(&hostile).await?;
    let run = cluster
        .pgctl(&["logs", "replica-1", "--level", "warning"])
        .await?
        .exits(0)?;
    ensure!(!run.stdout.contains('\u{1b}') && !run.stdout.contains("owned"));
    ensure!(run.stdout.len() < 1 << 20, "{} bytes", run.stdout.len());
    ensure!(run.stdout.contains("... 2."), "the rest is counted");
    // Bytes that are no text, as somebody else in the container may write them.
    let write = r"printf 'no \377\376 text \033[2J\n' >/proc/1/fd/2";
    let line = ["shell", "replica-1", "--", "sh", "-c", write];
    cluster.pgctl(&line).await?.exits(0)?;
    for format in ["table", "json"] {
        let line = ["logs", "replica-1", "--tail", "20", "-o", format];
        let run = cluster.pgctl(&line).await?.exits(0)?;
        ensure!(!run.stdout.contains('\u{1b}'), "{run}");
        ensure!(run.stdout.contains("no \u{fffd}\u{fffd} text"), "{run}");
    }
    // Who sees only the rest of an entry does not know how bad it was, and blames nobody for it.
    let session = cluster.open("replica-1").await?;
    ensure!(session.rows("SELECT 1/0").await.is_err(), "it divides");
    let line = ["logs", "replica-1", "--tail", "1", "--level", "fatal"];
    let run = cluster.pgctl(&line).await?.exits(0)?;
    ensure!(!run.stderr.contains("lc_messages"), "{run}");
    Ok(())
}

/// On a terminal each pod has a colour, and an entry brings none along. There is none where none is wanted, and where there is
/// no terminal.
async fn colours_are_pgctls_own(cluster: &TestCluster) -> Result<()> {
    for pod in ["primary-0", "replica-1"] {
        let session = cluster.open(pod).await?;
        session.rows("SET log_min_messages = 'warning'").await?;
        let hostile = "DO $$BEGIN RAISE WARNING '%', E'coloured \\x1b[31mred\\x1b[0m \\x1b]0;owned\\x07\\x1b[2J'; END$$";
        session.rows(hostile).await?;
    }
    let arguments = ["logs", "--tail", "200", "--grep", "coloured"];
    let (line, [program, place, (no_color, _)]) = cluster.terminal_line(&arguments)?;
    // Empty, it is as if it were not there.
    let wanted = [program, place, (no_color, "".into())];
    let (code, shown) = Terminal::runs(&line, &wanted)?.ends().await?;
    ensure!(code == Some(0), "{code:?}: {shown}");
    let color_of = |pod: &str| {
        let lines = shown.lines().filter(|it| it.contains("WARNING:"));
        let mut before = lines.filter_map(|it| Some(it.split_once(pod)?.0));
        let color = before.next_back();
        let color = color.with_context(|| format!("{pod} in {shown:?}"))?;
        let is_one = color.starts_with("\u{1b}[") && color.ends_with('m');
        ensure!(is_one, "{color:?} in {shown:?}");
        Ok(color.to_owned())
    };
    ensure!(color_of("primary-0 ")? != color_of("replica-1 ")?);
    for foreign in ["\u{1b}[31m", "\u{1b}]", "\u{1b}[2J", "\u{7}", "owned"] {
        ensure!(!shown.contains(foreign), "{foreign:?} in {shown:?}");
    }
    let without = [&arguments[..], &["--no-color"]].concat();
    let (line, _) = cluster.terminal_line(&without)?;
    let (_, not_wanted) = Terminal::runs(&line, &wanted)?.ends().await?;
    let (_, by_the_variable) = cluster.on_a_terminal(&arguments)?.ends().await?;
    let no_terminal = cluster.pgctl_with(&arguments, &[("NO_COLOR", "")]).await?;
    for text in [not_wanted, by_the_variable, no_terminal.exits(0)?.stdout] {
        ensure!(text.matches("coloured red").count() >= 2, "{text:?}");
        ensure!(!text.contains('\u{1b}'), "{text:?}");
    }
    Ok(())
}

/// `pgctl logs -f` while it runs.
struct Followed {
    child: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    seen: String,
}

impl Followed {
    fn begin(cluster: &TestCluster, arguments: &[&str]) -> Result<Self> {
        let arguments = [&["logs", "-f"], arguments].concat();
        let mut child = cluster
            .command(&arguments)?
            .stderr(Stdio::inherit())
            .spawn()?;
        let stdout = child.stdout.take().context("stdout")?;
        Ok(Self {
            child,
            lines: BufReader::new(stdout).lines(),
            seen: String::new(),
        })
    }

    async fn shows(&mut self, what: impl Fn(&str) -> bool) -> Result<()> {
        let looking = async {
            while let Some(line) = self.lines.next_line().await? {
                self.seen += &line;
                self.seen.push('\n');
                if what(&line) {
                    return Ok(());
                }
            }
            anyhow::bail!("it ended: {}", self.seen)
        };
        let told = tokio::time::timeout(PATIENCE, looking).await;
        told.with_context(|| format!("in vain: {}", self.seen))?
    }

    async fn ends_with_ctrl_c(mut self) -> Result<()> {
        let id = self.child.id().context("it runs")?.to_string();
        ensure!(
            tokio::process::Command::new("kill")
                .args(["-INT", &id])
                .status()
                .await?
                .success()
        );
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.code() == Some(130), "{status}");
        Ok(())
    }
}

async fn followed_through_a_crash(cluster: &TestCluster) -> Result<()> {
    let mut followed = Followed::begin(cluster, &["replica-0"])?;
    complain(cluster, "replica-0", "before the crash").await?;
    followed
        .shows(|line| line.contains("before the crash"))
        .await?;
    cluster.kill("replica-0").await?;
    followed
        .shows(|line| {
            line.contains("ready to accept read-only connections") || line.contains("starting as")
        })
        .await?;
    eventually("it answers again", async || {
        cluster.open("replica-0").await.map(drop)
    })
    .await?;
    complain(cluster, "replica-0", "after the crash").await?;
    followed
        .shows(|line| line.contains("after the crash"))
        .await?;
    let twice = followed.seen.matches("WARNING:  before the crash").count();
    ensure!(twice == 1, "{}", followed.seen);
    followed.ends_with_ctrl_c().await?;
    let previous = cluster
        .pgctl(&["logs", "replica-0", "--previous"])
        .await?
        .exits(0)?;
    previous.says("before the crash")?;
    Ok(())
}

async fn followed_through_a_failover(cluster: &TestCluster) -> Result<()> {
    let mut followed = Followed::begin(cluster, &["primary", "--tail", "1"])?;
    followed
        .shows(|line| line.starts_with("primary-0 primary"))
        .await?;
    cluster
        .pgctl(&["failover", "--to", "replica-1", "--yes"])
        .await?
        .exits(0)?;
    let mut seen = false;
    for attempt in 0..60 {
        complain(cluster, "replica-1", &format!("new primary {attempt}")).await?;
        let look = followed.shows(|line| line.starts_with("replica-1 primary"));
        if let Ok(shown) = tokio::time::timeout(Duration::from_secs(4), look).await {
            shown?;
            seen = true;
            break;
        }
    }
    ensure!(seen, "{}", followed.seen);
    // Not all that it has written in its life as a standby.
    let old = |line: &&str| line.contains("starting PostgreSQL");
    let told = followed.seen.lines().find(old);
    ensure!(told.is_none(), "{told:?} in {}", followed.seen);
    followed.ends_with_ctrl_c().await
}

/// A pod that is replaced, and one that comes, while they are followed: nothing twice, nothing lost.
async fn followed_while_pods_come_and_go(cluster: &SandboxCluster) -> Result<()> {
    let mut followed = Followed::begin(cluster, &["--tail", "0"])?;
    // What was written before it had begun to read is not shown.
    for _ in 0..100 {
        complain(cluster, "replica-0", "is it followed").await?;
        let shown = followed.shows(|it| it.contains("is it followed"));
        if tokio::time::timeout(Duration::from_secs(2), shown)
            .await
            .is_ok()
        {
            break;
        }
    }
    complain(cluster, "replica-0", "of the old pod").await?;
    followed.shows(|it| it.contains("of the old pod")).await?;
    cluster.replace("replica-0").await?;
    eventually("the new pod answers", async || {
        cluster.open("replica-0").await.map(drop)
    })
    .await?;
    complain(cluster, "replica-0", "of the new pod").await?;
    followed.shows(|it| it.contains("of the new pod")).await?;
    let begins = |it: &str, pod: &str| it.starts_with(pod) && it.contains("starting PostgreSQL");
    let begun = followed.seen.lines().filter(|it| begins(it, "replica-0"));
    assert_eq!(begun.count(), 1, "{}", followed.seen);
    let more = ["scale", "3", "--permanent", "--yes"];
    cluster.pgctl(&more).await?.exits(0)?;
    followed.shows(|it| begins(it, "replica-2")).await?;
    eventually("the third standby answers", async || {
        cluster.open("replica-2").await.map(drop)
    })
    .await?;
    complain(cluster, "replica-2", "of a pod that came").await?;
    followed
        .shows(|it| it.contains("of a pod that came"))
        .await?;
    let fewer = ["scale", "2", "--permanent", "--yes"];
    cluster.pgctl(&fewer).await?.exits(0)?;
    cluster.gone("replica-2").await?;
    complain(cluster, "replica-0", "after one went").await?;
    followed.shows(|it| it.contains("after one went")).await?;
    for words in [
        "of the old pod",
        "of the new pod",
        "of a pod that came",
        "after one went",
    ] {
        let count = followed.seen.matches(&format!("WARNING:  {words}")).count();
        assert_eq!(count, 1, "{words}: {}", followed.seen);
    }
    followed.ends_with_ctrl_c().await
}

async fn without_a_primary(cluster: &SandboxCluster) -> Result<()> {
    cluster.freeze("replica-1").await?;
    let run = cluster
        .pgctl(&["logs", "primary", "--tail", "3"])
        .await?
        .exits(0)?;
    run.says("no pod answers as the primary")?
        .says("replica-1")?;
    cluster.mend().await
}

/// A pod that does not answer is asked again and again; the others are not logged in to for that.
async fn a_silent_pod_costs_the_others_nothing(cluster: &SandboxCluster) -> Result<()> {
    let primary = eventually("it goes on", async || cluster.primary().await).await?;
    let silent = ["replica-0", "primary-0"];
    let silent = silent.into_iter().find(|it| *it != primary);
    cluster.freeze(silent.context("a standby")?).await?;
    let mut followed = Followed::begin(cluster, &[&primary])?;
    complain(cluster, &primary, "while one is silent").await?;
    followed
        .shows(|it| it.contains("while one is silent"))
        .await?;
    let connections = async |log: &str| {
        let set = format!("alter system set log_connections = {log}");
        cluster.sql(&primary, &set).await?;
        cluster
            .sql(&primary, "select pg_reload_conf()")
            .await
            .map(drop)
    };
    connections("on").await?;
    // More than a few looks.
    let looks = followed.shows(|_| false);
    tokio::time::timeout(Duration::from_secs(20), looks)
        .await
        .ok();
    connections("off").await?;
    // Its own: the probes and the start script log in, too.
    let own = |it: &&str| {
        let named = it
            .split_whitespace()
            .any(|word| word == "application_name=pgctl");
        it.contains("connection authorized") && named
    };
    let logins = followed.seen.lines().filter(own).count();
    followed.ends_with_ctrl_c().await?;
    cluster.mend().await?;
    // A look at all of them takes three, and comes twice a minute, or when a pod has changed. At each look it would be thirty.
    ensure!(logins <= 12, "{logins} logins");
    Ok(())
}

/// With `logging_collector` a server's log goes into files of its own, and the container's ends early: the files are read,
/// too, in each format that they may have.
async fn a_server_that_writes_into_files(cluster: &SandboxCluster) -> Result<()> {
    const POD: &str = "replica-1";
    let mut following = Followed::begin(cluster, &[POD])?;
    writes_into_files(cluster, POD, true).await?;
    complain(cluster, POD, "into a file").await?;
    // Whoever followed before goes on in the files.
    following
        .shows(|it| it.contains("WARNING:  into a file"))
        .await?;
    let version = cluster.sql(POD, "show server_version_num").await?;
    let knows_json = version[0][0].parse::<u32>()? >= 150_000;
    for (destination, format) in [
        ("stderr", "stderr"),
        ("csvlog", "csvlog"),
        ("jsonlog", "jsonlog"),
        // Of two that say the same one is read.
        ("stderr, csvlog", "csvlog"),
    ] {
        if format == "jsonlog" && !knows_json {
            continue;
        }
        let set = format!("alter system set log_destination = '{destination}'");
        cluster.sql(POD, &set).await?;
        cluster.sql(POD, "select pg_reload_conf()").await?;
        // The file of a format is made when the collector hears of it, and is found by those who follow.
        let words = format!("as {}", destination.replace(", ", " and "));
        eventually("its files are made", async || {
            let made = format!("select pg_current_logfile('{format}') is not null");
            let made = cluster.sql(POD, &made).await?;
            ensure!(made == [["t"]], "{made:?}");
            Ok(())
        })
        .await?;
        let begun = jiff::Timestamp::now();
        complain(cluster, POD, &words).await?;
        let entry = only_entry(cluster, &["--grep", &words], &words).await?;
        ensure!(entry["format"] == format, "{entry}");
        ensure!(
            entry["level"] == "warning" && entry["role"] == "standby",
            "{entry}"
        );
        ensure!(
            entry["message"] == format!("{words}\nsecond line"),
            "{entry}"
        );
        let written: jiff::Timestamp = entry["time"].as_str().context("a time")?.parse()?;
        // A millisecond is what the server writes.
        ensure!(
            written.as_millisecond() >= begun.as_millisecond(),
            "{entry}"
        );
        let since = begun.to_string();
        only_entry(cluster, &["--since", &since, "--grep", &words], &words).await?;
        let later = jiff::Timestamp::now().to_string();
        let run = cluster
            .pgctl(&["logs", POD, "--since", &later])
            .await?
            .exits(0)?;
        ensure!(!run.stdout.contains(&words), "{run}");
        let last = cluster
            .pgctl(&["logs", POD, "--tail", "2", "-o", "json"])
            .await?
            .exits(0)?;
        ensure!(last.stdout.lines().count() <= 2, "{last}");
    }
    // Nothing that is asked to read them is in them, whatever the server logs.
    for (setting, value) in [
        ("log_statement", "all"),
        ("log_min_duration_statement", "0"),
        ("log_disconnections", "on"),
    ] {
        let set = format!("alter system set {setting} = '{value}'");
        cluster.sql(POD, &set).await?;
    }
    cluster.sql(POD, "select pg_reload_conf()").await?;
    complain(cluster, POD, "while all is logged").await?;
    following
        .shows(|it| it.contains("while all is logged"))
        .await?;
    let all = cluster
        .pgctl(&["logs", POD, "--tail", "all"])
        .await?
        .exits(0)?;
    ensure!(all.stdout.contains("statement: DO $$BEGIN"), "{all}");
    for asked in ["pg_read_binary_file", "pg_ls_logdir", "log_timezone"] {
        ensure!(!all.stdout.contains(asked), "{asked}: {all}");
    }
    for setting in [
        "log_statement",
        "log_min_duration_statement",
        "log_disconnections",
    ] {
        let reset = format!("alter system reset {setting}");
        cluster.sql(POD, &reset).await?;
    }
    cluster.sql(POD, "select pg_reload_conf()").await?;
    reported(cluster, POD).await?;
    a_new_file(cluster, POD, &mut following).await?;
    files_of_other_names(cluster, POD, &mut following).await?;
    drop(following);
    entries_without_a_time(cluster, POD).await?;
    files_that_cannot_be_read(cluster, POD).await?;
    a_large_file(cluster, POD).await?;
    for setting in ["logging_collector", "log_destination"] {
        let reset = format!("alter system reset {setting}");
        cluster.sql(POD, &reset).await?;
    }
    writes_into_files(cluster, POD, false).await?;
    cluster.all_stream().await.map(drop)
}

/// Turns `logging_collector` on or off.
async fn writes_into_files(cluster: &SandboxCluster, pod: &str, on: bool) -> Result<()> {
    let setting = if on { "on" } else { "off" };
    let set = format!("alter system set logging_collector = {setting}");
    cluster.sql(pod, &set).await?;
    cluster.kill(pod).await?;
    eventually("the server has started anew", async || {
        let now = cluster.sql(pod, "show logging_collector").await?;
        ensure!(now == [[setting]], "{now:?}");
        Ok(())
    })
    .await
}

/// The only entry of the pod's log that has these words.
async fn only_entry(cluster: &SandboxCluster, chosen: &[&str], words: &str) -> Result<Value> {
    let arguments = [&["logs", "replica-1", "-o", "json"], chosen].concat();
    let run = cluster.pgctl(&arguments).await?.exits(0)?;
    let entries = run.stdout.lines().map(document);
    let entries: Vec<Value> = entries.collect::<Result<_, _>>()?;
    let has = |it: &Value| {
        it["message"]
            .as_str()
            .is_some_and(|it| it.starts_with(words))
    };
    let mut with = entries.into_iter().filter(has);
    match (with.next(), with.next()) {
        (Some(entry), None) => Ok(entry),
        other => anyhow::bail!("one entry, not {other:?}: {run}"),
    }
}

/// They are in a report, too, without what they quote.
async fn reported(cluster: &SandboxCluster, pod: &str) -> Result<()> {
    let session = cluster.open(pod).await?;
    let failed = session.rows("SELECT 'a secret of somebody'::int").await;
    ensure!(failed.is_err(), "that is no number");
    let file = cluster.folder().join("files.tar.gz");
    let arguments = ["report", "--file", &file.to_string_lossy()];
    cluster.pgctl(&arguments).await?.exits(0)?;
    let files = unpacked(&file)?;
    let log = files.get(&format!("logs/{}.files.log", full(pod)));
    let log = log.with_context(|| format!("among {:?}", files.keys()))?;
    ensure!(log.contains("as csvlog") && log.contains("22P02"), "{log}");
    ensure!(!log.contains("a secret of"), "{log}");
    Ok(())
}

/// A server begins a new file from time to time.
async fn a_new_file(cluster: &SandboxCluster, pod: &str, following: &mut Followed) -> Result<()> {
    let file = "select pg_current_logfile()";
    let before = cluster.sql(pod, file).await?;
    complain(cluster, pod, "in the old file").await?;
    eventually("a new file is begun", async || {
        // Its name has the second in it.
        cluster.sql(pod, "select pg_rotate_logfile()").await?;
        let now = cluster.sql(pod, file).await?;
        ensure!(now != before, "{now:?}");
        Ok(())
    })
    .await?;
    complain(cluster, pod, "in the new file").await?;
    following.shows(|it| it.contains("in the old file")).await?;
    following.shows(|it| it.contains("in the new file")).await?;
    let all = cluster
        .pgctl(&["logs", pod, "--tail", "all"])
        .await?
        .exits(0)?;
    let at = |words: &str| all.stdout.find(words);
    let places = [
        at("as csvlog"),
        at("in the old file"),
        at("in the new file"),
    ];
    ensure!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{all}"
    );
    Ok(())
}

/// Of a file that is read in many pieces just what was asked for.
async fn a_large_file(cluster: &SandboxCluster, pod: &str) -> Result<()> {
    const HALF: usize = 20_000;
    let write = async |from: usize| {
        let session = cluster.open(pod).await?;
        session.rows("SET log_error_verbosity = terse").await?;
        let to = from + HALF - 1;
        let block = format!(
            "DO $$BEGIN FOR i IN {from}..{to} LOOP RAISE LOG 'number %', i; END LOOP; END$$"
        );
        session.rows(&block).await.map(drop)
    };
    let numbers = async |chosen: &[&str]| {
        let arguments = [
            &["logs", pod, "--grep", "LOG.*number", "-o", "json"],
            chosen,
        ]
        .concat();
        let run = cluster.pgctl(&arguments).await?.exits(0)?;
        let numbers = run.stdout.lines().map(|line| {
            let entry = document(line)?;
            let message = entry["message"].as_str().context("a message")?;
            let number = message.strip_prefix("number ").context("a number")?;
            anyhow::Ok(number.parse::<usize>()?)
        });
        numbers.collect::<Result<Vec<usize>>>()
    };
    write(1).await?;
    let between = jiff::Timestamp::now().to_string();
    write(HALF + 1).await?;
    let second: Vec<usize> = (HALF + 1..=HALF * 2).collect();
    ensure!(numbers(&["--since", &between]).await? == second);
    ensure!(numbers(&["--tail", "5000"]).await? == second[HALF - 5_000..]);
    ensure!(numbers(&["--tail", "all"]).await?.len() == HALF * 2);
    Ok(())
}

/// Names and the directory of the files may change at any time, and a name may come again: what is there already was said.
async fn files_of_other_names(
    cluster: &SandboxCluster,
    pod: &str,
    following: &mut Followed,
) -> Result<()> {
    for (name, directory, words) in [
        ("first.log", "log", "one in the first"),
        ("second.log", "log", "in the second"),
        ("first.log", "log", "two in the first"),
        ("first.log", "elsewhere", "in another directory"),
    ] {
        for (setting, value) in [("log_filename", name), ("log_directory", directory)] {
            let set = format!("alter system set {setting} = '{value}'");
            cluster.sql(pod, &set).await?;
        }
        let file = cluster.sql(pod, "select pg_current_logfile()").await?;
        cluster.sql(pod, "select pg_reload_conf()").await?;
        eventually("the other file is written", async || {
            let now = cluster.sql(pod, "select pg_current_logfile()").await?;
            ensure!(now != file, "{now:?}");
            Ok(())
        })
        .await?;
        complain(cluster, pod, words).await?;
        following.shows(|it| it.contains(words)).await?;
    }
    for words in ["one in the first", "in the second", "two in the first"] {
        let count = following.seen.matches(words).count();
        ensure!(count == 1, "{words}: {count} times: {}", following.seen);
    }
    let none = cluster
        .pgctl(&["logs", pod, "--tail", "0"])
        .await?
        .exits(0)?;
    ensure!(none.stdout.is_empty(), "{none}");
    for setting in ["log_filename", "log_directory"] {
        let reset = format!("alter system reset {setting}");
        cluster.sql(pod, &reset).await?;
    }
    Ok(())
}

/// A prefix without a time; a time within a message is none of the entry's.
async fn entries_without_a_time(cluster: &SandboxCluster, pod: &str) -> Result<()> {
    for (setting, value) in [("log_line_prefix", "[%p] "), ("log_destination", "stderr")] {
        let set = format!("alter system set {setting} = '{value}'");
        cluster.sql(pod, &set).await?;
    }
    cluster.sql(pod, "select pg_reload_conf()").await?;
    eventually("its entries have no time", async || {
        let now = cluster.sql(pod, "show log_line_prefix").await?;
        ensure!(now == [["[%p] "]], "{now:?}");
        let file = "select pg_current_logfile('stderr') is not null";
        let file = cluster.sql(pod, file).await?;
        ensure!(file == [["t"]], "{file:?}");
        Ok(())
    })
    .await?;
    complain(cluster, pod, "since 2020-01-01 00:00:00 UTC").await?;
    let since = jiff::Timestamp::now().to_string();
    complain(cluster, pod, "without a time").await?;
    let run = cluster
        .pgctl(&["logs", pod, "--since", &since])
        .await?
        .exits(0)?;
    ensure!(run.stdout.contains("without a time"), "{run}");
    cluster
        .sql(pod, "alter system reset log_line_prefix")
        .await?;
    let set = "alter system set log_destination = 'csvlog'";
    cluster.sql(pod, set).await?;
    cluster.sql(pod, "select pg_reload_conf()").await?;
    eventually("it writes csvlog again", async || {
        let made = "select pg_current_logfile('csvlog') is not null and pg_current_logfile('stderr') is null";
        let made = cluster.sql(pod, made).await?;
        ensure!(made == [["t"]], "{made:?}");
        Ok(())
    })
    .await
}

/// Where the server can't be asked, there is a way past it.
async fn files_that_cannot_be_read(cluster: &SandboxCluster, pod: &str) -> Result<()> {
    complain(cluster, pod, "in words of its own").await?;
    let previous = cluster
        .pgctl(&["logs", pod, "--previous"])
        .await?
        .exits(0)?;
    previous.says("pg_ls_logdir()")?;
    let sql = "create role looker login password 'looks'";
    cluster.sql("primary-0", sql).await?;
    let looker = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "looker", "namespace": cluster.namespace()},
        // "looker", "looks"
        "data": {"postgres-user": "bG9va2Vy", "postgres-password": "bG9va3M="},
    });
    cluster
        .store()
        .add(&serde_json::from_value::<Secret>(looker)?)?;
    let run = cluster.pgctl(&["logs", pod, "--secret", "looker"]).await?;
    let run = run.exits(7)?.says("permission denied")?;
    let line = run.stderr.lines();
    let line = line
        .filter_map(|it| it.trim().strip_prefix("type: pgctl "))
        .next();
    let line = line.with_context(|| format!("a command: {run}"))?;
    // It does not end by itself.
    let once = line.replace(" -F ", " ").replace(" --secret looker", "");
    let (command, script) = once.split_once(" -c ").context("a script")?;
    let mut words: Vec<&str> = command.split(' ').collect();
    words.extend(["-c", script.trim_matches('\'')]);
    let run = cluster.pgctl(&words).await?.exits(0)?;
    run.says("in words of its own")?;
    Ok(())
}
