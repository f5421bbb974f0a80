//! One archive on its way from the source to the store: received, compared, looked into and
//! written at the same time, in bounded memory.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::channel_reader::ChannelReader;
use super::error::TransferError;
use super::progress::TransferProgress;
use super::source::{End, Source, Step};
use super::storing::{Piece, store};
use super::throttle::Throttle;
use crate::backup::StopSignal;
use crate::backup::format::{
    ContentError, ContentFacts, Expected, Fingerprint, Meter, Method, Recipient, check,
};
use crate::backup::store::StoreWriter;
use crate::backup::tools::{ENDING, LOST, PipeReport, RemoteProcess, read_report};

/// Pieces that may wait for a slower thread: 4 MiB for each of the two.
const WAITING: usize = 32;

/// How an archive is to be received.
pub struct Reception {
    /// The word that begins the lines of the report.
    pub word: String,
    /// For the first line of stdin.
    pub password: String,
    /// How it is compressed at the source.
    pub method: Method,
    /// What it must be.
    pub expected: Expected,
    /// Whom to encrypt it for; none: nobody.
    pub recipients: Vec<Recipient>,
    /// The most bytes a second that are taken from the wire.
    pub rate: Option<u64>,
    /// Counts what arrives.
    pub progress: Arc<TransferProgress>,
    /// Becomes true when it shall stop.
    pub stop: StopSignal,
}

/// An archive that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What was sent, which is what arrived.
    pub sent: Fingerprint,
    /// What was written to the store.
    pub stored: Fingerprint,
    /// What was in it.
    pub content: ContentFacts,
}

/// Receives an archive into `writer`, and finishes it there only when everything fits: the exit
/// status of every stage, bytes and SHA-256 at the source, and the content to its end.
///
/// # Errors
/// [`TransferError`]; then nothing was finished in the store, and the source was told to stop.
pub async fn receive(
    process: RemoteProcess,
    writer: Box<dyn StoreWriter>,
    reception: Reception,
) -> Result<Received, TransferError> {
    let Reception {
        word,
        password,
        method,
        expected,
        recipients,
        rate,
        progress,
        stop,
    } = reception;
    let mut source = Source::new(process.stdin, process.stdout, process.exit, stop);
    let report = tokio::spawn(read_report(process.stderr, word));
    let (to_store, for_store) = mpsc::channel(WAITING);
    let (to_check, for_check) = mpsc::channel(WAITING);
    let storing = tokio::task::spawn_blocking(move || store(writer, for_store, &recipients));
    let checking: JoinHandle<Result<ContentFacts, ContentError>> =
        tokio::task::spawn_blocking(move || {
            check(&expected, method.decoder(ChannelReader::new(for_check))?)
        });

    source.say(&password).await;
    let mut meter = Meter::default();
    let mut throttle = rate.map(Throttle::new);
    let end = loop {
        let bytes = match source.next().await {
            Step::Data(bytes) => bytes,
            Step::End(end) => break end,
        };
        meter.update(&bytes);
        let length = bytes.len() as u64;
        progress.add(length);
        let handing_on = async {
            if let Some(throttle) = &mut throttle {
                throttle.wait(length).await;
            }
            // A thread that takes no more has failed; its result says why.
            if to_check.send(bytes.clone()).await.is_err() {
                return Some(End::NotWhole);
            }
            let stored = to_store.send(Piece::Data(bytes)).await;
            stored.is_err().then_some(End::NotStored)
        };
        // A store that does not take anything for minutes must not hold up who wants to stop.
        let end = tokio::select! {
            end = handing_on => end,
            () = source.stopped() => Some(End::Interrupted),
        };
        if let Some(end) = end {
            break end;
        }
    };
    drop(to_check);
    let exit = source.finish(end).await;
    drop(process.guard);
    let limit = if exit.is_some() { ENDING } else { LOST };
    let report = match timeout(limit, report).await {
        Ok(report) => report?,
        Err(_) => PipeReport::default(),
    };
    let arrived = meter.finish();
    let checked = checking.await?;
    let judged = match end {
        End::Interrupted => Err(TransferError::Interrupted),
        End::NotStored => Ok(()),
        End::NotWhole => checked
            .as_ref()
            .map(drop)
            .map_err(|_| TransferError::Interrupted),
        End::OfStream | End::Lost => judge(exit, report, &arrived),
    };
    let content = match (end, judged, checked) {
        (End::NotWhole, _, Err(error)) | (_, Ok(()), Err(error)) if end != End::NotStored => {
            Err(error.into())
        }
        (_, Err(error), _) => Err(error),
        (_, Ok(()), checked) => Ok(checked),
    };
    let content = match content {
        Ok(content) => content,
        Err(error) => {
            // The writer gives up what it began, an upload say, before anybody goes on or ends.
            drop(to_store);
            let _ = timeout(ENDING, storing).await;
            return Err(error);
        }
    };
    if end != End::NotStored {
        // Without this word the writer is dropped, and nothing is finished.
        let _ = to_store.send(Piece::Complete).await;
    }
    drop(to_store);
    let stored = storing.await??.ok_or(TransferError::Interrupted)?;
    Ok(Received {
        sent: arrived,
        stored,
        content: content?,
    })
}

/// Compares what the source reported with what arrived.
fn judge(
    exit: Option<i32>,
    report: PipeReport,
    arrived: &Fingerprint,
) -> Result<(), TransferError> {
    let failed = report
        .failed_stage()
        .map(|(stage, status)| (stage.to_owned(), status));
    match (failed, exit, report.sent) {
        (Some((stage, Some(status))), _, _) => Err(TransferError::Source {
            stage,
            status: Some(status),
            said: report.said,
        }),
        (_, None, _) => Err(TransferError::Lost {
            received: arrived.bytes,
            said: report.said,
        }),
        (Some((stage, None)), Some(_), _) => Err(TransferError::Source {
            stage,
            status: None,
            said: report.said,
        }),
        (None, Some(code), sent) => match sent {
            Some(sent) if code == 0 && sent == *arrived => Ok(()),
            Some(sent) if code == 0 => Err(TransferError::Different {
                sent,
                arrived: arrived.clone(),
            }),
            _ => Err(TransferError::Source {
                stage: "the report".to_owned(),
                status: Some(code),
                said: report.said,
            }),
        },
    }
}
