//! The daemon that `up` starts: it holds a sandbox until it is told to end.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::certificates::CertificateAuthority;
use crate::cli::Serve;
use crate::cluster::{Cluster, Options};
use crate::control;
use crate::home::{Folder, Home};
use crate::leftovers;

/// What the daemon tells `up` through its standard output, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StartProgress {
    /// It holds the folder.
    Alive,
    /// The API answers and the objects are made.
    Started,
    /// Every standby streams.
    Ready,
    /// It gives up.
    Failed(String),
}

impl StartProgress {
    /// Nobody may be listening any more, which is none of the daemon's business.
    fn tell(&self) {
        let mut stdout = std::io::stdout().lock();
        if let Ok(line) = serde_json::to_string(self) {
            drop(writeln!(stdout, "{line}"));
            drop(stdout.flush());
        }
    }
}

/// Runs the daemon until it is told to end, and then removes the sandbox.
pub(crate) fn serve(arguments: Serve) -> Result<()> {
    // A session of its own: Ctrl-C in the terminal of `up` is for `up`. Fails only when this
    // process has one already.
    let _ = nix::unistd::setsid();
    let folder = Home::from_env()?.folder(&arguments.name)?;
    let _alive = folder.mark_alive()?;
    StartProgress::Alive.tell();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting threads")?;
    let done = runtime.block_on(live(&folder, arguments));
    runtime.shutdown_timeout(Duration::from_secs(2));
    match &done {
        Ok(_) => {
            // A container that was just being started knows nothing of the end.
            leftovers::kill_all(folder.path());
            leftovers::remove_tree(folder.path());
        }
        // `up` shows it, and then takes the folder away.
        Err(error) => {
            eprintln!("{error:#}");
            StartProgress::Failed(format!("{error:#}")).tell();
        }
    }
    done.map(drop)
}

async fn live(folder: &Folder, arguments: Serve) -> Result<Option<impl Sized + use<>>> {
    let authority = match arguments.cluster.tls {
        true => Some(Arc::new(CertificateAuthority::generate("pgctl-sandbox")?)),
        false => None,
    };
    let options = Options {
        authority,
        replicas: arguments.cluster.replicas,
        namespace: arguments.cluster.namespace,
        manifests: arguments.cluster.manifests,
        poolers: arguments.cluster.poolers,
        api_only: arguments.cluster.objects_only,
        only_bounds_scale: false,
    };
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(asked);

    let cluster = tokio::select! {
        cluster = Cluster::start(folder, &options) => cluster?,
        () = &mut asked => return Ok(None),
    };
    let (stop, mut stopped) = mpsc::channel(1);
    let orders = control::listen(&folder.socket(), cluster.faults().clone(), stop)?;
    StartProgress::Started.tell();

    let ready = async {
        if !arguments.no_wait {
            match cluster.wait(arguments.timeout).await {
                Ok(()) => StartProgress::Ready.tell(),
                // The sandbox stays, for whoever wants to look; `up` decides.
                Err(error) => StartProgress::Failed(format!("{error:#}")).tell(),
            }
        }
        std::future::pending::<()>().await;
    };
    let users = tokio::select! {
        () = ready => None,
        _ = stopped.recv() => None,
        () = &mut asked => None,
        lock = abandoned(folder, arguments.idle_exit) => Some(lock),
    };
    cluster.stop().await;
    orders.abort();
    Ok(users)
}

/// Waits until nobody has used the sandbox for so long; nobody can become a user until the result
/// is dropped.
async fn abandoned(folder: &Folder, idle: Option<Duration>) -> crate::home::NameLock {
    let Some(idle) = idle else {
        return std::future::pending().await;
    };
    let mut since: Option<Instant> = None;
    loop {
        match folder.without_users() {
            None => since = None,
            Some(lock) => {
                if since.get_or_insert_with(Instant::now).elapsed() >= idle {
                    return lock;
                }
                lock.keep_file();
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
