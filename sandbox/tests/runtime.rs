//! Containers as processes: what a container sees, and that it ends when it should.
//!
//! Every promise is kept by both kinds of isolation, except where a test says that only one can.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use pgctl_sandbox::runtime::{
    CommandOutcome, Container, ContainerSpec, Containers, ExecRequest, Isolation, LogOptions,
    Mount, StartError, TerminalSize,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const LIMIT: Duration = Duration::from_secs(120);

/// One machine: a way to isolate, and a folder.
struct Machine {
    containers: Arc<Containers>,
    isolation: Isolation,
    dir: tempfile::TempDir,
}

impl Machine {
    async fn new(isolation: Isolation) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            containers: Containers::new(isolation.tools(None).await?)?,
            isolation,
            dir: tempfile::tempdir()?,
        })
    }

    fn spec(&self, script: &str) -> ContainerSpec {
        ContainerSpec {
            hostname: "postgres-0".to_owned(),
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            uid: 999,
            gid: 999,
            mounts: vec![Mount {
                source: self.path("data"),
                target: "/var/lib/sandbox-test/data".to_owned(),
                read_only: false,
            }],
            scratch: self.path("scratch"),
            log: self.path("0.log"),
            ..ContainerSpec::default()
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn start(&self, script: &str) -> Result<Container, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(self.path("data"))?;
        Ok(self.containers.start(self.spec(script)).await?)
    }
}

async fn output(container: &Container) -> std::io::Result<String> {
    let mut text = String::new();
    let mut log = container.log().read(LogOptions::default()).await?;
    log.read_to_string(&mut text).await?;
    Ok(text)
}

async fn until(what: impl Fn() -> bool) -> Outcome {
    tokio::time::timeout(LIMIT, async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await?;
    Ok(())
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn processes_with(mark: &str) -> usize {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .flatten()
        .filter(|e| content(&e.path().join("cmdline")).contains(mark))
        .filter(|e| {
            content(&e.path().join("stat"))
                .split(") ")
                .nth(1)
                .is_some_and(|s| !s.starts_with('Z'))
        })
        .count()
}

/// Whose turn it is among the tests of proot.
static TURNS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

macro_rules! on_both {
    ($($name:ident)*) => {
        mod bubblewrap { $(#[tokio::test(flavor = "multi_thread")] async fn $name() -> super::Outcome { super::$name(super::Machine::new(super::Isolation::Bubblewrap).await?).await })* }
        mod proot { $(#[tokio::test(flavor = "multi_thread")] async fn $name() -> super::Outcome {
            // Run by root, proot makes mount points on the machine, and removes them under whoever
            // else uses the same ones (README, "Limits").
            let _turn = super::TURNS.lock().await;
            super::$name(super::Machine::new(super::Isolation::Proot).await?).await
        })* }
    };
}

on_both! {
    a_container_sees_its_own_user_and_volumes
    exit_codes_are_those_of_the_main_process
    it_ignores_no_signal_whatever_the_daemon_ignores
    a_trapped_sigterm_ends_it_cleanly
    nothing_survives_the_main_process
    nothing_survives_the_daemon
    a_missing_program_is_refused
    exec_joins_the_container_and_tells_its_exit_code
    exec_with_a_terminal
    a_command_that_takes_too_long_is_killed
    a_frozen_container_stands_still
    a_command_that_was_frozen_with_its_container_comes_to_its_end
    postgres_runs_in_it
}

async fn a_container_sees_its_own_user_and_volumes(m: Machine) -> Outcome {
    let c = m
        .start("cd /var/lib/sandbox-test/data && id -u && echo x > a && mv a b && ls && stat -c %u b && test -O b && chmod 0700 . && stat -c %a . && hostname")
        .await?;
    assert_eq!(c.wait().await.code, 0);
    let seen = output(&c).await?;
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines[..4], ["999", "b", "999", "700"], "{seen}");
    if m.isolation == Isolation::Bubblewrap {
        assert_eq!(lines[4], "postgres-0");
    }
    assert_eq!(content(&m.path("data/b")), "x\n");
    Ok(())
}

async fn exit_codes_are_those_of_the_main_process(m: Machine) -> Outcome {
    assert_eq!(m.start("exit 0").await?.wait().await.code, 0);
    assert_eq!(m.start("sleep 0.2; exit 7").await?.wait().await.code, 7);
    let c = m.start("sleep 1000").await?;
    c.kill();
    assert_eq!(c.wait().await.code, 137);
    Ok(())
}

/// A daemon that a shell has started in the background ignores SIGINT: what runs in its containers must not. The test
/// runs itself once more like that.
async fn it_ignores_no_signal_whatever_the_daemon_ignores(m: Machine) -> Outcome {
    const INSIDE: &str = "PGCTL_SANDBOX_TEST_IGNORES_SIGNALS";
    if std::env::var_os(INSIDE).is_none() {
        let kind = match m.isolation {
            Isolation::Bubblewrap => "bubblewrap",
            Isolation::Proot => "proot",
        };
        let name = format!("{kind}::it_ignores_no_signal_whatever_the_daemon_ignores");
        let ended = tokio::process::Command::new("env")
            .arg("--ignore-signal=HUP,INT,QUIT,TERM,USR1,USR2")
            .arg(std::env::current_exe()?)
            .args(["--exact", "--nocapture", &name])
            .env(INSIDE, "1")
            .output()
            .await?;
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{ended:?}"
        );
        return Ok(());
    }
    let ignores = "grep SigIgn /proc/self/status";
    let c = m.start(&format!("{ignores}; exec sleep 1000")).await?;
    let sh = ["sh", "-c", ignores].map(str::to_owned);
    let CommandOutcome::Exited(0, of_command) = c.run(&sh, LIMIT).await else {
        return Err("it says nothing".into());
    };
    let mut of_main = String::new();
    while of_main.is_empty() {
        of_main = output(&c).await?;
    }
    for said in [of_main, of_command] {
        let mask = said.trim().strip_prefix("SigIgn:").unwrap_or_default();
        let mask = u64::from_str_radix(mask.trim(), 16)?;
        // From 32 on they are the C library's own.
        assert_eq!(mask & 0x7fff_ffff, 0, "{said}");
    }
    Ok(())
}

async fn a_trapped_sigterm_ends_it_cleanly(m: Machine) -> Outcome {
    let c = m
        .start("trap 'echo bye; exit 3' TERM; echo ready > /var/lib/sandbox-test/data/up; while :; do sleep 0.02; done")
        .await?;
    until(|| content(&m.path("data/up")) == "ready\n").await?;
    c.signal(Signal::SIGTERM);
    assert_eq!(c.wait().await.code, 3);
    assert_eq!(output(&c).await?, "bye\n");
    Ok(())
}

async fn nothing_survives_the_main_process(m: Machine) -> Outcome {
    let mark = format!("1000.{}", std::process::id());
    let c = m
        .start(&format!(
            "setsid sleep {mark} & sleep {mark} & until pgrep -x sleep; do :; done; exit 4"
        ))
        .await?;
    assert_eq!(c.wait().await.code, 4);
    until(|| processes_with(&mark) == 0).await
}

async fn nothing_survives_the_daemon(m: Machine) -> Outcome {
    let mark = format!("2000.{}", std::process::id());
    let c = m
        .start(&format!("sleep {mark} & exec sleep {mark}"))
        .await?;
    until(|| processes_with(&mark) >= 2).await?;
    drop(c);
    let dir = m.dir;
    drop(m.containers);
    until(|| processes_with(&mark) == 0).await?;
    drop(dir);
    Ok(())
}

async fn a_missing_program_is_refused(m: Machine) -> Outcome {
    std::fs::create_dir_all(m.path("data"))?;
    let mut spec = m.spec("");
    spec.argv = vec!["/no/such/program".to_owned()];
    let Err(StartError::Refused(message)) = m.containers.start(spec).await else {
        return Err("it started".into());
    };
    assert!(
        message.contains("exec: \"/no/such/program\": executable file not found in $PATH"),
        "{message}"
    );
    Ok(())
}

async fn exec_joins_the_container_and_tells_its_exit_code(m: Machine) -> Outcome {
    let c = m.start("echo hello > /tmp/own; sleep 1000").await?;
    let request = ExecRequest {
        command: ["sh", "-c", "id -u; cat /tmp/own -; echo error >&2; exit 9"]
            .map(str::to_owned)
            .to_vec(),
        stdin: true,
        stdout: true,
        stderr: true,
        tty: false,
    };
    let mut streams = c.exec("postgres", request).await?;
    let mut stdin = streams.stdin.take().ok_or("no stdin")?;
    stdin.write_all(b"from outside\n").await?;
    stdin.shutdown().await?;
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    streams
        .stdout
        .take()
        .ok_or("no stdout")?
        .read_to_string(&mut out)
        .await?;
    streams
        .stderr
        .take()
        .ok_or("no stderr")?
        .read_to_string(&mut err)
        .await?;
    assert_eq!(streams.exit.await?, 9);
    assert_eq!(out, "999\nhello\nfrom outside\n");
    assert_eq!(err, "error\n");
    c.kill();
    Ok(())
}

async fn exec_with_a_terminal(m: Machine) -> Outcome {
    let c = m.start("sleep 1000").await?;
    let request = ExecRequest {
        command: [
            "sh",
            "-c",
            "read line; test -t 0 && until stty size | grep -x '33 101'; do sleep 0.01; done; echo got $line",
        ]
        .map(str::to_owned)
        .to_vec(),
        stdin: true,
        stdout: true,
        stderr: true,
        tty: true,
    };
    let mut streams = c.exec("postgres", request).await?;
    let resize = streams.resize.take().ok_or("no resize")?;
    resize
        .send(TerminalSize {
            width: 101,
            height: 33,
        })
        .await?;
    let mut stdin = streams.stdin.take().ok_or("no stdin")?;
    stdin.write_all(b"it\n").await?;
    let mut out = String::new();
    streams
        .stdout
        .take()
        .ok_or("no stdout")?
        .read_to_string(&mut out)
        .await?;
    assert_eq!(streams.exit.await?, 0);
    assert!(out.contains("33 101") && out.contains("got it"), "{out}");
    c.kill();
    Ok(())
}

async fn a_command_that_takes_too_long_is_killed(m: Machine) -> Outcome {
    let mark = format!("3000.{}", std::process::id());
    let c = m.start("sleep 1000").await?;
    let argv = ["sleep", &mark].map(str::to_owned);
    let outcome = c.run(&argv, Duration::from_millis(300)).await;
    assert_eq!(outcome, CommandOutcome::TimedOut);
    until(|| processes_with(&mark) == 0).await?;
    let argv = ["sh", "-c", "echo fine; exit 1"].map(str::to_owned);
    let outcome = c.run(&argv, LIMIT).await;
    assert_eq!(outcome, CommandOutcome::Exited(1, "fine\n".to_owned()));
    c.kill();
    Ok(())
}

async fn a_frozen_container_stands_still(m: Machine) -> Outcome {
    let beat = m.path("data/beat");
    let c = m
        .start("cd /var/lib/sandbox-test/data; while :; do echo >> beat; sleep 0.01; done")
        .await?;
    until(|| content(&beat).len() > 3).await?;
    let at = beat.clone();
    let frozen = c.clone();
    tokio::task::spawn_blocking(move || frozen.freeze()).await?;
    let before = content(&at).len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(content(&at).len(), before);
    c.unfreeze();
    until(|| content(&beat).len() > before + 3).await?;
    c.freeze();
    c.kill();
    assert_eq!(c.wait().await.code, 137);
    Ok(())
}

/// Otherwise nobody would reap it, and its container could never end.
async fn a_command_that_was_frozen_with_its_container_comes_to_its_end(m: Machine) -> Outcome {
    let (begun, go_on) = (m.path("data/begun"), m.path("data/go-on"));
    let c = m.start("sleep 1000").await?;
    let script =
        "cd /var/lib/sandbox-test/data; echo >begun; until [ -e go-on ]; do sleep 0.01; done";
    let running = c.clone();
    let command = tokio::spawn(async move {
        let argv = ["sh", "-c", script].map(str::to_owned);
        running.run(&argv, LIMIT).await
    });
    until(|| begun.exists()).await?;
    let frozen = c.clone();
    tokio::task::spawn_blocking(move || frozen.freeze()).await?;
    // Time for whoever watches the command from outside to notice.
    tokio::time::sleep(Duration::from_millis(100)).await;
    c.unfreeze();
    std::fs::write(&go_on, "")?;
    assert_eq!(command.await?, CommandOutcome::Exited(0, String::new()));
    c.kill();
    assert_eq!(c.wait().await.code, 137);
    Ok(())
}

async fn postgres_runs_in_it(m: Machine) -> Outcome {
    let image = pgctl_sandbox::runtime::resolve("postgres:15")?;
    std::fs::create_dir_all(m.path("data"))?;
    let script = "cd /var/lib/sandbox-test/data && initdb -D pg -A trust --no-sync >/dev/null && exec postgres -D pg -c listen_addresses= -c unix_socket_directories=/tmp";
    let mut spec = m.spec(script);
    spec.env = image.env;
    let passwd = m.path("passwd");
    std::fs::write(&passwd, "postgres:x:999:999::/var/lib/postgresql:/bin/sh\n")?;
    spec.mounts.push(Mount {
        source: passwd,
        target: "/etc/passwd".to_owned(),
        read_only: true,
    });
    let c = m.containers.start(spec).await?;
    let query = ["psql", "-h", "/tmp", "-Atc", "select 40 + 2", "postgres"].map(str::to_owned);
    let answer = tokio::time::timeout(LIMIT, async {
        loop {
            if let CommandOutcome::Exited(0, answer) = c.run(&query, LIMIT).await {
                return answer;
            }
            if c.exit().is_some() {
                return String::new();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await?;
    assert_eq!(answer, "42\n", "{}", output(&c).await?);
    c.signal(Signal::SIGINT);
    assert_eq!(c.wait().await.code, 0);
    Ok(())
}
