//! `pgctl psql` and `pgctl shell`, with and without a terminal.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::test_cluster::{
    PATIENCE, SandboxCluster, Terminal, TestCluster, VIEWER, eventually, full, on_sandbox,
};

#[test]
fn programs_in_pods_have_the_terminal_and_their_exit_codes() -> Result<()> {
    on_sandbox(2, async |cluster| {
        psql_for_scripts(cluster).await?;
        the_password_is_in_a_file_of_ones_own(cluster).await?;
        a_quit_leaves_no_password(cluster).await?;
        psql_on_a_terminal(cluster, &["psql", "--replica"]).await?;
        psql_on_a_terminal(cluster, &["psql", "replica-0", "--in-pod"]).await?;
        shell_for_scripts(cluster).await?;
        shell_on_a_terminal(cluster).await?;
        the_window_has_its_size_in_the_pod(cluster).await?;
        for deleted in [false, true] {
            a_pod_that_ends_is_named(cluster, deleted).await?;
        }
        refusals(cluster).await
    })
}

async fn psql_for_scripts(cluster: &TestCluster) -> Result<()> {
    let one = [
        "-X",
        "-At",
        "-c",
        "select pg_is_in_recovery(), current_database()",
    ];
    for (target, answer) in [
        (&["psql"][..], "f|postgres\n"),
        (&["psql", "--replica"][..], "t|postgres\n"),
        (
            &["psql", "replica-1", "-d", "template1"][..],
            "t|template1\n",
        ),
        (&["psql", "replica-1", "--in-pod"][..], "t|postgres\n"),
    ] {
        let arguments = [target, &["--"], &one].concat();
        let run = cluster.pgctl(&arguments).await?.exits(0)?;
        ensure!(run.stdout == answer, "{run}");
    }
    // A name is a name, also where psql would take it for a connection string.
    let sql = "create database \"application_name=b\"";
    cluster.sql("primary-0", sql).await?;
    for more in [&[][..], &["--in-pod"]] {
        let named = ["psql", "-d", "application_name=b"];
        let asks = ["--", "-X", "-At", "-c", "select current_database()"];
        let run = cluster
            .pgctl(&[&named, more, &asks].concat())
            .await?
            .exits(0)?;
        ensure!(run.stdout == "application_name=b\n", "{run}");
        let fails = [&["psql"], more, &["--", "-X", "-c", "select 1/0"]].concat();
        cluster
            .pgctl(&fails)
            .await?
            .exits(1)?
            .says("division by zero")?;
    }
    // Its pod goes on: nothing is said of it, nor waited for.
    let nowhere = [
        "--timeout",
        "3h",
        "psql",
        "-d",
        "nowhere",
        "--",
        "-X",
        "-c",
        "select 1",
    ];
    let run = tokio::time::timeout(PATIENCE, cluster.pgctl(&nowhere)).await??;
    let run = run.exits(2)?.says("\"nowhere\" does not exist")?;
    ensure!(!run.stderr.contains("pgctl status"), "{run}");
    let script = cluster.folder().join("fails.sql");
    std::fs::write(&script, "select 1/0;")?;
    let script = script.to_string_lossy();
    let stops = ["psql", "--", "-X", "-v", "ON_ERROR_STOP=1", "-f", &script];
    cluster.pgctl(&stops).await?.exits(3)?;
    Ok(())
}

/// Ctrl-\ ends psql, and no file stays behind.
async fn a_quit_leaves_no_password(cluster: &TestCluster) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(&["psql", "--", "-X"])?;
    terminal.shows("postgres=#").await?;
    terminal.types("\\! echo file=$PGPASSFILE").await?;
    terminal.shows("file=/").await?.shows("pgpass").await?;
    terminal.presses(b"\x1c").await?;
    let (_, shown) = terminal.ends().await?;
    let files = shown.split_whitespace();
    let file = files.filter_map(|it| it.strip_prefix("file=/")).next_back();
    let file = file.with_context(|| shown.clone())?;
    ensure!(!std::path::Path::new("/").join(file).exists(), "{file}");
    Ok(())
}

async fn the_password_is_in_a_file_of_ones_own(cluster: &TestCluster) -> Result<()> {
    let look = r#"\! env | grep ^PG; stat -c %a "$PGPASSFILE" "$(dirname "$PGPASSFILE")"; tr '\0' ' ' </proc/$PPID/cmdline"#;
    let arguments = ["psql", "--", "-X", "-c", look];
    let other = [
        ("PGPASSWORD", "of-somebody-else"),
        ("PGHOST", "203.0.113.1"),
    ];
    let run = cluster.pgctl_with(&arguments, &other).await?.exits(0)?;
    ensure!(run.stdout.contains("600\n700\n"), "{run}");
    ensure!(!run.stdout.contains(cluster.login.password()), "{run}");
    ensure!(!run.stdout.contains("of-somebody-else"), "{run}");
    let file = run
        .stdout
        .lines()
        .find_map(|it| it.strip_prefix("PGPASSFILE="));
    ensure!(!std::path::Path::new(file.context("PGPASSFILE")?).exists());
    Ok(())
}

async fn psql_on_a_terminal(cluster: &TestCluster, arguments: &[&str]) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(arguments)?;
    terminal
        .shows("postgres=#")
        .await?
        .types("\\pset pager off")
        .await?;
    terminal
        .types("select 'sum=' || 6 * 7, pg_is_in_recovery() as standby;")
        .await?;
    terminal.shows("sum=42").await?;
    terminal.types("select 'asleep', pg_sleep(1000);").await?;
    eventually("the query runs", async || {
        let sql = "select count(*) from pg_stat_activity \
            where state = 'active' and query like 'select ''asleep''%'";
        let mut running = 0;
        for tail in ["replica-0", "replica-1"] {
            let count: u32 = cluster.open(tail).await?.one(sql).await?.parse()?;
            running += count;
        }
        ensure!(running == 1, "{running} do");
        Ok(())
    })
    .await?;
    terminal.presses(b"\x03").await?;
    terminal
        .shows("canceling statement due to user request")
        .await?;
    terminal
        .types("select 'go' || 'es on';")
        .await?
        .shows_behind("goes on", "postgres=#")
        .await?;
    // Arrow up has the line again: without its semicolon, and with more to it.
    terminal
        .presses(b"\x1b[A\x7f, 'and ' || 'more';\n")
        .await?
        .shows("and more")
        .await?;
    terminal.types("\\q").await?;
    let (code, shown) = terminal.ends().await?;
    ensure!(code == Some(0), "{code:?}: {shown}");
    Ok(())
}

async fn shell_for_scripts(cluster: &TestCluster) -> Result<()> {
    let run = cluster
        .pgctl(&[
            "shell",
            "replica-0",
            "--",
            "sh",
            "-c",
            "echo out; echo err >&2; exit 7",
        ])
        .await?;
    let run = run.exits(7)?;
    ensure!(
        (run.stdout.as_str(), run.stderr.as_str()) == ("out\n", "err\n"),
        "{run}"
    );
    let missing = cluster
        .pgctl(&["shell", "primary", "--", "no-such-program"])
        .await?;
    let missing = missing.exits(127)?.says("no-such-program")?;
    ensure!(missing.stdout.is_empty(), "{missing}");
    let mut command = cluster.command(&["shell", "replica-0"])?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("stdin")?;
    stdin.write_all(b"echo read $((6 * 7))\nexit 4\n").await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.status.code() == Some(4), "{output:?}");
    ensure!(output.stdout == b"read 42\n", "{output:?}");
    Ok(())
}

async fn shell_on_a_terminal(cluster: &TestCluster) -> Result<()> {
    let mut terminal = cluster.on_a_terminal(&["shell", "replica-0"])?;
    terminal
        .types("echo sum=$((6 * 7)); until stty size | grep ' 8''0'; do sleep 0.2; done; test -t 0 && echo a ter''minal")
        .await?;
    terminal
        .shows("sum=42")
        .await?
        .shows(" 80")
        .await?
        .shows("a terminal")
        .await?;
    terminal.types("sleep 4711").await?;
    eventually("it sleeps", async || {
        let look = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep 'sleep [4]711'";
        let arguments = ["shell", "replica-0", "--", "sh", "-c", look];
        cluster.pgctl(&arguments).await?.exits(0)
    })
    .await?;
    terminal.presses(b"\x03").await?;
    terminal
        .types("echo still''here")
        .await?
        .shows("stillhere")
        .await?;
    terminal.types("exit 5").await?;
    let (code, shown) = terminal.ends().await?;
    ensure!(code == Some(5), "{code:?}: {shown}");
    Ok(())
}

/// Who makes the window larger has more room in the pod, too.
async fn the_window_has_its_size_in_the_pod(cluster: &TestCluster) -> Result<()> {
    let (line, environment) = cluster.terminal_line(&["shell", "replica-0"])?;
    let mut terminal = Terminal::runs(&format!("sh -c 'tty; exec {line}'"), &environment)?;
    // It is told when it has heard of it.
    let heard = "until stty size | grep 80; do sleep 0.2; done | sed s/^/size=/";
    terminal.types(heard).await?.shows("size=24 80").await?;
    let device = terminal
        .shown()
        .split_whitespace()
        .find(|it| it.starts_with("/dev/pts/"))
        .context("a terminal")?
        .to_owned();
    let resized = tokio::process::Command::new("stty")
        .args(["-F", &device, "rows", "40", "cols", "132"])
        .status();
    ensure!(resized.await?.success());
    let heard = "until stty size | grep 132; do sleep 0.2; done | sed s/^/now=/";
    terminal.types(heard).await?.shows("now=40 132").await?;
    terminal.types("exit 0").await?;
    let (code, shown) = terminal.ends().await?;
    ensure!(code == Some(0), "{code:?}: {shown}");
    Ok(())
}

/// Whatever is connected to a pod that is killed or deleted ends with it, and pgctl says which it was.
async fn a_pod_that_ends_is_named(cluster: &TestCluster, deleted: bool) -> Result<()> {
    // A busy kubelet takes its time to say what it did.
    const PSQL: [&str; 4] = ["--timeout", "120s", "psql", "replica-0"];
    let sleep = ["-X", "-c", "select 'until it ends', pg_sleep(3600)"];
    let here = [&PSQL[..], &["--"], &sleep].concat();
    let in_pod = [&PSQL[..], &["--in-pod", "--"], &sleep].concat();
    let shell = ["--timeout", "120s", "shell", "replica-0", "--"];
    let script = ["sh", "-c", "echo it runs; exec sleep 3600"];
    let shell = [&shell[..], &script].concat();
    let mut shell = cluster.command(&shell)?.spawn()?;
    let mut lines = BufReader::new(shell.stdout.take().context("stdout")?).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
    ensure!(line.as_deref() == Some("it runs"), "{line:?}");
    let ending = async {
        eventually("both statements run", async || {
            let sql = "select count(*) from pg_stat_activity \
                where state = 'active' and query like 'select ''until it ends''%'";
            let running = cluster.sql("replica-0", sql).await?;
            ensure!(running == [["2"]], "{running:?}");
            Ok(())
        })
        .await?;
        match deleted {
            true => cluster.replace("replica-0").await,
            false => cluster.kill("replica-0").await,
        }
    };
    let runs = async { futures::try_join!(cluster.pgctl(&here), cluster.pgctl(&in_pod), ending) };
    let (here, in_pod, ()) = runs.await?;
    let shell = tokio::time::timeout(PATIENCE, shell.wait_with_output()).await??;
    let here = here.exits(2)?;
    ensure!(here.stdout.is_empty(), "{here}");
    let ends: &[&str] = match deleted {
        true => &["being deleted", "is gone", "replaced by a new one"],
        false => &["its container has ended"],
    };
    let tells = |said: &str| {
        let end = said.lines().find(|it| it.starts_with(&full("replica-0")));
        let told = end.is_some_and(|it| ends.iter().any(|end| it.contains(end)));
        ensure!(told && said.contains("  next: pgctl status\n"), "{said}");
        Ok(())
    };
    tells(&here.stderr)?;
    // Which of the two ends first is chance.
    let code = in_pod.status.code();
    ensure!(code == Some(2) || code == Some(137), "{in_pod}");
    tells(&in_pod.stderr)?;
    ensure!(shell.status.code() == Some(137), "{shell:?}");
    tells(&String::from_utf8_lossy(&shell.stderr))?;
    drop(lines);
    cluster.all_stream().await.map(drop)
}

async fn refusals(cluster: &SandboxCluster) -> Result<()> {
    for command in ["psql", "shell"] {
        let wrong = cluster.pgctl(&[command, "replica-7"]).await?.exits(2)?;
        wrong.says(&full("replica-1"))?;
    }
    let fewer = VIEWER.replace(", pods/exec]", "]");
    cluster.grant(
        &fewer.replace("name: pgctl-viewer", "name: no-exec"),
        "nell",
    )?;
    let nell = cluster.kubeconfig_of("nell")?;
    let run = cluster
        .pgctl(&["--kubeconfig", &nell, "shell", "replica-0", "--", "true"])
        .await?
        .exits(3)?;
    run.says("pods/exec")?;
    Ok(())
}
