//! Several logs as one, by the time of each entry. Without `follow` the order is exact: an entry is
//! handed on when every other log has come as far. With it nothing may be held for long: a log that has
//! said nothing for a moment is not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::poll_fn;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::outlet::{Arrival, Inlet, LogNews, outlet};
use super::reader::Reader;
use super::server_files::ServerFiles;
use crate::kubernetes::{CredentialsSource, Kube, LogRange};
use crate::log::LogEntry;

/// How long a log that says nothing is waited for while others have something to say.
const MOMENT: Duration = Duration::from_millis(300);

/// What one of the logs says.
#[derive(Debug)]
pub enum LogEvent {
    /// An entry.
    Entry {
        /// Of this pod.
        pod: String,
        /// When it was written, by the clock of the pod's node.
        time: Option<Timestamp>,
        /// What was written.
        entry: LogEntry,
    },
    /// Something about the log.
    News {
        /// Of this pod.
        pod: String,
        /// What it is.
        news: LogNews,
    },
}

/// The logs of several pods.
pub struct LogMerge {
    kube: Kube,
    namespace: String,
    follow: bool,
    sources: Vec<Source>,
    /// How far each log was handed on, also of those that are not read now.
    handed: BTreeMap<(String, Origin), Timestamp>,
}

/// Where a server writes its log to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// Its container's output.
    Container,
    /// Files of its own.
    Files,
}

struct Source {
    pod: String,
    origin: Origin,
    /// What was handed on up to then is not handed on again.
    after: Option<Timestamp>,
    inlet: Inlet,
    /// The next that it has to say.
    head: Option<Arrival>,
    ended: bool,
    /// When it said something the last time.
    heard: Instant,
    reader: JoinHandle<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Source {
    fn time(&self) -> Option<Option<Timestamp>> {
        match &self.head {
            Some(Arrival::Entry { time, .. }) => Some(*time),
            // News are of now.
            Some(Arrival::News(_)) => Some(None),
            None => None,
        }
    }
}

impl LogMerge {
    /// No log is read yet.
    pub fn new(kube: Kube, namespace: &str, follow: bool) -> Self {
        Self {
            kube,
            namespace: namespace.to_owned(),
            follow,
            sources: Vec::new(),
            handed: BTreeMap::new(),
        }
    }

    /// Reads the logs of these pods, and of no others: those that are read already are read on, one that was read before
    /// from where it was left, and any other in its range.
    pub fn read(&mut self, pods: &BTreeSet<String>, range: impl Fn(&str) -> LogRange) {
        self.read_from(Origin::Container, pods, range, |reader| {
            tokio::spawn(reader.run())
        });
    }

    /// The same of the files that the servers in these pods write their logs into by themselves (`logging_collector`), as
    /// the superuser.
    pub fn read_files(
        &mut self,
        pods: &BTreeSet<String>,
        credentials: &CredentialsSource,
        range: impl Fn(&str) -> LogRange,
    ) {
        self.read_from(Origin::Files, pods, range, |reader| {
            let files = ServerFiles::new(reader, credentials.clone());
            tokio::spawn(files.run())
        });
    }

    fn read_from(
        &mut self,
        origin: Origin,
        pods: &BTreeSet<String>,
        range: impl Fn(&str) -> LogRange,
        begin: impl Fn(Reader) -> JoinHandle<()>,
    ) {
        self.sources
            .retain(|it| it.origin != origin || pods.contains(&it.pod));
        for pod in pods {
            let is_it = |it: &Source| it.origin == origin && it.pod == *pod;
            if self.sources.iter().any(is_it) {
                continue;
            }
            let (outlet, inlet) = outlet();
            let after = self.handed.get(&(pod.clone(), origin)).copied();
            let range = match after {
                Some(_) => LogRange {
                    tail: None,
                    since: after,
                    ..range(pod)
                },
                None => range(pod),
            };
            let reader = Reader {
                kube: self.kube.clone(),
                namespace: self.namespace.clone(),
                pod: pod.clone(),
                range,
                outlet,
            };
            self.sources.push(Source {
                pod: pod.clone(),
                origin,
                after,
                inlet,
                head: None,
                ended: false,
                heard: Instant::now(),
                reader: begin(reader),
            });
        }
    }

    /// The next event; none when all logs have ended: of those that are followed, when none of them can be read,
    /// and none will be. It can be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Option<LogEvent> {
        loop {
            let until = match self.ready() {
                Ready::Event(event) => return Some(event),
                // A pod may come.
                Ready::Nothing if self.follow && self.sources.is_empty() => None,
                Ready::Nothing => return None,
                Ready::Until(until) => until,
            };
            let more = poll_fn(|context| self.poll_heads(context));
            match until {
                Some(until) => {
                    // Either way it is looked again.
                    tokio::time::timeout_at(until, more).await.ok();
                }
                None => more.await,
            }
        }
    }

    /// The next event, if nobody has to be waited for.
    pub fn try_next(&mut self) -> Option<LogEvent> {
        match self.ready() {
            Ready::Event(event) => Some(event),
            Ready::Nothing | Ready::Until(_) => None,
        }
    }

    fn ready(&mut self) -> Ready {
        for source in &mut self.sources {
            source.fetch();
            while source.is_told() {
                source.head = None;
                source.fetch();
            }
        }
        if self.sources.iter().all(|it| it.ended && it.head.is_none()) {
            return Ready::Nothing;
        }
        let heads = self.sources.iter().enumerate();
        let first = heads
            .filter_map(|(at, source)| Some((source.time()?, at)))
            .min();
        let Some((_, at)) = first else {
            return Ready::Until(None);
        };
        let missing = self
            .sources
            .iter()
            .filter(|it| it.head.is_none() && !it.ended);
        let waited_for = if self.follow {
            let now = Instant::now();
            let full = self.sources.iter().any(|it| it.inlet.is_full());
            missing
                .map(|it| it.heard + MOMENT)
                .filter(|until| *until > now && !full)
                .max()
                .map(Some)
        } else {
            missing.map(|_| None).next()
        };
        if let Some(until) = waited_for {
            return Ready::Until(until);
        }
        let source = &mut self.sources[at];
        let (pod, origin) = (source.pod.clone(), source.origin);
        match source.head.take() {
            Some(Arrival::Entry { time, entry, .. }) => {
                if let Some(time) = time.filter(|_| self.follow) {
                    self.handed.insert((pod.clone(), origin), time);
                }
                Ready::Event(LogEvent::Entry { pod, time, entry })
            }
            Some(Arrival::News(news)) => Ready::Event(LogEvent::News { pod, news }),
            None => Ready::Until(None),
        }
    }

    /// Waits until one of the logs whose next entry is not known says something, or ends.
    fn poll_heads(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut some = Poll::Pending;
        for source in &mut self.sources {
            if source.head.is_some() || source.ended {
                continue;
            }
            if let Poll::Ready(arrival) = source.inlet.queue.poll_recv(context) {
                source.ended = arrival.is_none();
                source.head = arrival;
                source.heard = Instant::now();
                some = Poll::Ready(());
            }
        }
        some
    }
}

impl Source {
    /// Whether its next entry was handed on before.
    fn is_told(&self) -> bool {
        match (&self.head, self.after) {
            (
                Some(Arrival::Entry {
                    time: Some(time), ..
                }),
                Some(after),
            ) => *time <= after,
            _ => false,
        }
    }

    fn fetch(&mut self) {
        use tokio::sync::mpsc::error::TryRecvError;
        if self.head.is_some() || self.ended {
            return;
        }
        match self.inlet.queue.try_recv() {
            Ok(arrival) => {
                self.head = Some(arrival);
                self.heard = Instant::now();
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => self.ended = true,
        }
    }
}

enum Ready {
    Event(LogEvent),
    /// Wait for more, at most until then.
    Until(Option<Instant>),
    /// All have ended.
    Nothing,
}
