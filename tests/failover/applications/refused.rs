//! What the programs do with a server that lets nobody in: they go on asking one that is away, however long that takes,
//! and end at once when it is their own fault.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::super::needs::does_without;
use super::super::test_cluster::{PATIENCE, eventually};
use super::{APPLICATIONS, command, said};

/// What a server says for as long as an outage lasts, and a pooler before one, in turn.
const AWAY: &[(&str, &str)] = &[
    ("57P03", "the database system is starting up"),
    ("08P01", "client_login_timeout (server down)"),
];

/// What a pooler says to who has a wrong password: by its SQLSTATE it might be an outage.
const WRONG_PASSWORD: &[(&str, &str)] = &[("08P01", "SASL authentication failed")];

/// With two attempts at a time, a pool that waits twice as long after each is not there in the time that a test has: the
/// twelfth pair would come half an hour after the first.
const ATTEMPTS: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn an_application_never_waits_long_before_it_asks_again_a_server_that_is_away() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let mut all = Vec::new();
    for (name, need) in APPLICATIONS {
        if does_without(need) {
            continue;
        }
        let server = Refusing::listen(AWAY).await?;
        // Nobody listens there: only those who write ask this one.
        let child = start(name, folder.path(), &server, "127.0.0.2").await?;
        all.push((name, server, child));
    }
    for (name, server, mut child) in all {
        eventually("it asks again and again", async || {
            let ended = child.try_wait()?;
            assert!(ended.is_none(), "{name}: {}", said(folder.path(), name));
            let asked = server.asked.load(Ordering::SeqCst);
            ensure!(asked >= ATTEMPTS, "{name} has asked {asked} times");
            Ok(())
        })
        .await?;
        child.kill().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_with_a_wrong_password_ends_with_the_words_of_the_pooler() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, need) in APPLICATIONS {
        if does_without(need) {
            continue;
        }
        let server = Refusing::listen(WRONG_PASSWORD).await?;
        let mut child = start(name, folder.path(), &server, "127.0.0.1").await?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status =
            ended.with_context(|| format!("{name} tries on: {}", said(folder.path(), name)))??;
        let printed = std::fs::read_to_string(folder.path().join(format!("{name}.out")))?;
        let last = printed.lines().next_back().unwrap_or_default();
        ensure!(
            !status.success() && last.contains(WRONG_PASSWORD[0].1),
            "{name}: {status}: {printed}\n{}",
            said(folder.path(), name)
        );
    }
    Ok(())
}

/// An application of this server, that would only give up after the test has.
async fn start(name: &str, folder: &Path, server: &Refusing, read_host: &str) -> Result<Child> {
    let file = |ending: &str| File::create(folder.join(format!("{name}.{ending}")));
    let mut command = command(name, folder).await?;
    command
        .env("PGHOST", "127.0.0.1")
        .env("READ_HOST", read_host)
        .env("PGPORT", server.port.to_string())
        .env("PGDATABASE", "shop")
        .env("PGUSER", "app")
        .env("PGPASSWORD", "wrong")
        .env("GIVE_UP_SECONDS", "900")
        .stdin(Stdio::null())
        .stdout(file("out")?)
        .stderr(file("err")?)
        .kill_on_drop(true);
    command.spawn().with_context(|| name.to_owned())
}

/// A server that refuses every session, and counts them.
struct Refusing {
    port: u16,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Refusing {
    async fn listen(refusals: &'static [(&str, &str)]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                // A client that goes away is none of its troubles.
                tokio::spawn(async move { drop(refuse(stream, &count, refusals).await) });
            }
        });
        Ok(Self {
            port,
            asked,
            serving,
        })
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn refuse(
    mut stream: TcpStream,
    asked: &AtomicUsize,
    refusals: &[(&str, &str)],
) -> io::Result<()> {
    /// The requests for TLS and for GSSAPI.
    const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];
    loop {
        let length = stream.read_u32().await?;
        let code = stream.read_u32().await?;
        if ENCRYPTION.contains(&code) {
            stream.write_all(b"N").await?;
            continue;
        }
        let mut rest = vec![0; usize::try_from(length.saturating_sub(8)).unwrap_or(0)];
        stream.read_exact(&mut rest).await?;
        let before = asked.fetch_add(1, Ordering::SeqCst);
        let (state, words) = refusals[before % refusals.len()];
        let fields = format!("SFATAL\0VFATAL\0C{state}\0M{words}\0\0");
        let length = u32::try_from(fields.len() + 4).map_err(io::Error::other)?;
        stream.write_all(b"E").await?;
        stream.write_u32(length).await?;
        stream.write_all(fields.as_bytes()).await?;
        return stream.shutdown().await;
    }
}
