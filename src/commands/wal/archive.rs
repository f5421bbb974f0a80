//! `pgctl wal archive`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::super::backup::store;
use super::super::context::Context;
use super::super::interruption::interruption;
use super::primaries::ClusterPrimaries;
use crate::backup::format::Recipient;
use crate::cli::{WalArchiveArgs, WalVia};
use crate::cluster::words;
use crate::events::{WalEvent, WalEventLine};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Format, encode_next, wal_event_line, write_stdout};
use crate::wal_archive::{Archiver, ArchiverError, ArchiverOptions, Spool};

/// Between two lines that say up to where all is stored.
const UP_TO: Duration = Duration::from_secs(30);

pub(super) async fn run(context: &Context, args: &WalArchiveArgs) -> Result<ExitCode, Failure> {
    let (stop, stopped) = watch::channel(false);
    let watching = async {
        interruption().await;
        stop.send_replace(true);
        // A second one ends it at once: what was received waits in the spool.
        interruption().await;
        Ok(ExitCode::Interrupted)
    };
    tokio::select! {
        result = work(context, args, stopped) => result,
        result = watching => result,
    }
}

async fn work(
    context: &Context,
    args: &WalArchiveArgs,
    stopped: watch::Receiver<bool>,
) -> Result<ExitCode, Failure> {
    let recipients = args.encrypt.iter().map(|text| text.parse::<Recipient>());
    let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
    let store = store::open(&args.store)?;
    let kube = context.connect().await?;
    // What was typed wrongly is said at once; what goes away later is waited for.
    let cluster = context.observe_objects(&kube).await?.cluster;
    let root = match &args.spool {
        Some(folder) => folder.clone(),
        None => default_spool()?.join(format!("{}_{}", cluster.namespace, cluster.name)),
    };
    let root = std::path::absolute(&root).unwrap_or(root);
    let spool = Spool::open(&root).map_err(|error| failed(error, &root))?;
    let primaries = ClusterPrimaries {
        context,
        kube,
        via: args.via.unwrap_or_else(in_a_pod_or_not),
    };
    let left = Arc::new(Mutex::new(0));
    let options = ArchiverOptions {
        store,
        spool,
        spool_limit: args.spool_limit,
        recipients,
    };
    let tell = teller(context, Arc::clone(&left));
    let archiver = Archiver::new(options, &primaries, tell);
    archiver
        .run(stopped)
        .await
        .map_err(|error| failed(error, &root))?;
    let left = left.lock().map_or(0, |it| *it);
    if left == 0 {
        return Ok(ExitCode::Done);
    }
    let spool = words::shell_word(&root.display().to_string());
    Err(Failure::new(
        ExitCode::Failed,
        format!(
            "stopped, and {} of what was received wait in the spool",
            words::bytes(left)
        ),
    )
    .next(format!("pgctl wal archive --spool {spool}")))
}

/// Tells what happens, on stdout: lines for people, or a JSON document a line.
fn teller(context: &Context, left: Arc<Mutex<u64>>) -> Arc<dyn Fn(WalEvent) + Send + Sync> {
    let (format, quiet) = (context.format, context.quiet);
    let screen = context.screen.clone();
    let said: Mutex<Option<Instant>> = Mutex::default();
    Arc::new(move |event: WalEvent| {
        if let WalEvent::Stopped { spool_bytes } = &event
            && let Ok(mut left) = left.lock()
        {
            *left = *spool_bytes;
        }
        let now = Timestamp::now();
        let text = match format {
            Format::Json | Format::Yaml | Format::Value(_) => {
                encode_next(&WalEventLine::new(event, now), format)
            }
            Format::Table | Format::Wide => {
                let chatter = matches!(
                    event,
                    WalEvent::UpTo { .. } | WalEvent::SegmentStored { .. }
                );
                if chatter && (quiet || !is_time(&event, &said)) {
                    return;
                }
                match wal_event_line(&event, now, &screen) {
                    Some(line) => line + "\n",
                    None => return,
                }
            }
        };
        // A reader that has gone, or a disk that is full, is no reason to archive nothing.
        let _ = write_stdout(&text);
    })
}

/// What comes every few seconds is said now and then.
fn is_time(event: &WalEvent, said: &Mutex<Option<Instant>>) -> bool {
    if !matches!(event, WalEvent::UpTo { .. }) {
        return true;
    }
    let Ok(mut said) = said.lock() else {
        return true;
    };
    let long_ago = said.is_none_or(|when| when.elapsed() >= UP_TO);
    if long_ago {
        *said = Some(Instant::now());
    }
    long_ago
}

/// As the kubelet says it to every container.
fn in_a_pod_or_not() -> WalVia {
    match std::env::var_os("KUBERNETES_SERVICE_HOST") {
        Some(_) => WalVia::Service,
        None => WalVia::PortForward,
    }
}

/// `$XDG_STATE_HOME/pgctl/wal-spool`, by default `~/.local/state/pgctl/wal-spool`.
fn default_spool() -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
    let folder = state.map(|state| state.join("pgctl/wal-spool"));
    folder.ok_or_else(|| {
        Failure::new(ExitCode::Usage, "there is no home directory for a spool")
            .next("name a folder: pgctl wal archive --spool DIR")
    })
}

fn failed(error: ArchiverError, spool: &std::path::Path) -> Failure {
    let exit = match &error {
        ArchiverError::Spool { .. } => ExitCode::Failed,
        ArchiverError::SpoolInUse(_)
        | ArchiverError::NoProgram(_)
        | ArchiverError::TooOld { .. }
        | ArchiverError::LogicalSlot { .. } => ExitCode::Refused,
        ArchiverError::Archive(error) => return archive_failed(error),
    };
    let next = match &error {
        ArchiverError::Spool { .. } => "mend that, or name another folder: --spool DIR".to_owned(),
        ArchiverError::SpoolInUse(_) => format!(
            "stop that one, or name another folder: --spool {}.2",
            words::shell_word(&spool.display().to_string())
        ),
        ArchiverError::NoProgram(_) | ArchiverError::TooOld { .. } => {
            "install PostgreSQL's client programs of the server's version (Debian: \
             postgresql-client-VERSION), or run it in the cluster: deploy/components/wal-archive"
                .to_owned()
        }
        ArchiverError::LogicalSlot { pod, slot } => {
            format!("when nobody needs it: pgctl slots drop {slot} --pod {pod}")
        }
        ArchiverError::Archive(_) => String::new(),
    };
    Failure::new(exit, error.to_string()).next(next)
}

fn archive_failed(error: &crate::wal_archive::ArchiveError) -> Failure {
    super::archives::failure(error)
}
