//! Writers through the write Service, that know of each commit whether it was acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;

use super::database::{Database, Login};

/// Between two writes of one writer, and before it connects again.
const PAUSE: Duration = Duration::from_millis(10);
/// A commit that takes longer has an unknown outcome.
const PATIENCE: Duration = Duration::from_secs(3);

/// What one writer knows. Each number is written once at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The server said that it was committed, and when that arrived.
    pub(crate) acknowledged: Vec<(u64, Instant)>,
    /// The server said that it was not.
    pub(crate) refused: Vec<u64>,
    /// The connection was lost before an answer: either may be.
    pub(crate) unknown: Vec<u64>,
}

/// Writers at work.
pub(crate) struct Writers {
    run: u32,
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Starts `count` writers; `run` tells their rows from those of others.
    pub(crate) async fn start(
        count: usize,
        run: u32,
        service: &str,
        login: &Login,
    ) -> Result<Self> {
        let database = Database::open(service, login).await?;
        database
            .rows(
                "CREATE TABLE IF NOT EXISTS public.oracle_commits \
                 (run int, writer int, n bigint, PRIMARY KEY (run, writer, n))",
            )
            .await?;
        let stop = Arc::new(AtomicBool::new(false));
        let ledgers: Vec<_> = (0..count).map(|_| Arc::default()).collect();
        let tasks = ledgers
            .iter()
            .enumerate()
            .map(|(writer, ledger)| {
                let writer = Writer {
                    run,
                    writer,
                    service: service.to_owned(),
                    login: login.clone(),
                    ledger: Arc::clone(ledger),
                };
                tokio::spawn(writer.work(Arc::clone(&stop)))
            })
            .collect();
        Ok(Self {
            run,
            ledgers,
            stop,
            tasks,
        })
    }

    /// What each writer knows by now.
    pub(crate) fn ledgers(&self) -> Vec<Ledger> {
        let read =
            |it: &Arc<Mutex<Ledger>>| it.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.ledgers.iter().map(read).collect()
    }

    /// The number in the column `run`.
    pub(crate) fn run(&self) -> u32 {
        self.run
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct Writer {
    run: u32,
    writer: usize,
    service: String,
    login: Login,
    ledger: Arc<Mutex<Ledger>>,
}

impl Writer {
    async fn work(self, stop: Arc<AtomicBool>) {
        let mut number = 0;
        while !stop.load(Ordering::Relaxed) {
            if let Ok(database) = Database::watch(&self.service, &self.login).await {
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    if !self.write(&database, number).await {
                        break;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes one row, and writes down what became of it. False when the connection is of no use
    /// any more: one to a server that does not take writes is given up, as a pool would.
    async fn write(&self, database: &Database, number: u64) -> bool {
        let sql = format!(
            "INSERT INTO public.oracle_commits VALUES ({}, {}, {number})",
            self.run, self.writer
        );
        // In the ledger before it is sent: when this task is ended in between, it is unknown.
        self.book(|ledger| ledger.unknown.push(number));
        let writing = database.client().batch_execute(&sql);
        let outcome = tokio::time::timeout(PATIENCE, writing).await;
        let (committed, refused) = match &outcome {
            Ok(Ok(())) => (true, false),
            Ok(Err(error)) => {
                let severity = error.as_db_error().and_then(|it| it.parsed_severity());
                (false, severity == Some(Severity::Error))
            }
            Err(_) => (false, false),
        };
        let now = Instant::now();
        self.book(|ledger| {
            if committed || refused {
                ledger.unknown.pop();
            }
            if committed {
                ledger.acknowledged.push((number, now));
            } else if refused {
                ledger.refused.push(number);
            }
        });
        committed
    }

    fn book(&self, entry: impl FnOnce(&mut Ledger)) {
        entry(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
