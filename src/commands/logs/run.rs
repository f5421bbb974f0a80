//! `pgctl logs`: read, merge, choose, print.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};

use super::targets::{Collectors, Roles, Targets};
use crate::cli::{LogSince, LogTail, LogsArgs};
use crate::cluster::words::shell_word;
use crate::cluster::{Instance, NameError, Role, Snapshot};
use crate::commands::context::{Context, cannot_write};
use crate::commands::interruption::interruptible;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{KubeError, LogRange, NamespaceScope};
use crate::log::{LogEntry, SlowStatements};
use crate::observe::{Depth, LogEvent, LogMerge, LogNews, observe, watch_cluster};
use crate::output::{
    Format, LogEntryDocument, LogPrinter, SlowStatementsDocument, encode, encode_line, plain,
    slow_screen, write_all_of,
};

/// Lines of each pod, when nothing else is asked for.
const TAIL: u64 = 100;
/// The longest that what a pod is is waited for, where `--timeout` is as usual.
const ROLES: Duration = Duration::from_secs(2);
/// Between two looks at the cluster's objects.
const PACE: Duration = Duration::from_secs(2);
/// What is printed at once.
const CHUNK: usize = 64 * 1024;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &LogsArgs,
) -> Result<ExitCode, Failure> {
    interruptible(logs(context, args)).await
}

async fn logs(context: &Context, args: &LogsArgs) -> Result<ExitCode, Failure> {
    let choice = Choice::new(args)?;
    let kube = context.connect().await?;
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let depth = Depth::Databases {
        timeout: context.patience(ROLES),
    };
    let seen = observe(&kube, &place, &context.selection, depth).await?;
    // The container before this one has written no files that can be told from those of this one.
    let of_files = seen.credentials.map(|it| it.source);
    let of_files = of_files.filter(|_| !args.previous);
    let snapshot = seen.snapshot;
    let mut roles = Roles::default();
    let primary = roles.seen(&snapshot);
    let targets = Targets::new(&args.targets, &snapshot).map_err(|error| no_such_pod(&error))?;
    let question = question(args);
    let mut reading = Reading {
        context,
        printer: LogPrinter::new(&snapshot, context.screen.clone()),
        choice,
        slow: args.slow.then(SlowStatements::default),
        text: String::new(),
        shown: false,
        follows: args.follow,
        previous: args.previous,
        strange: 0,
        unreadable: None,
    };
    if primary.is_none() && targets.depend_on_roles() {
        let named = &snapshot.topology.primary;
        let several: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
        let what = match several.as_slice() {
            [] => "no pod answers as the primary".to_owned(),
            several => format!("several pods accept writes: {}", several.join(", ")),
        };
        let what = format!("{what}; {named} is meant to be it");
        if targets.pods(&snapshot, &roles).is_empty() && !args.follow {
            return Err(Failure::new(ExitCode::Unreachable, plain(&what)).next("pgctl logs"));
        }
        reading.tell(&what);
    }
    let wanted = targets.pods(&snapshot, &roles);
    for pod in wanted.iter().filter(|it| roles.of(it) == Role::Unknown) {
        let instance = snapshot.instance(pod);
        let why = instance.and_then(|it| it.database.unanswered());
        let why = why.unwrap_or("its container does not run");
        reading.tell(&format!("{pod}: not known what it is (?): {why}"));
    }
    let mut collectors = Collectors::default();
    collectors.seen(&snapshot);
    let collected = collectors.of(&names(&snapshot).collect());
    let mut merge = LogMerge::new(kube.clone(), kube.namespace(), args.follow);
    merge.read(&wanted, |pod| {
        match collected.contains(pod) && of_files.is_some() {
            // The last lines are those of its files.
            true => of_container_beside_files(question),
            false => question,
        }
    });
    match &of_files {
        Some(source) => merge.read_files(&collectors.of(&wanted), source, |_| question),
        None => reading.write_elsewhere(collectors.news(&wanted)),
    }
    let mut known: BTreeSet<String> = wanted;
    known.extend(names(&snapshot));
    let mut looks = args.follow.then(|| {
        watch_cluster(
            kube.clone(),
            context.selection.clone(),
            depth,
            PACE,
            Arc::default(),
        )
    });
    let mut out_of_reach = false;
    let mut last = snapshot;
    loop {
        if !reading.print_ready(&mut merge, &roles).await? {
            return Ok(ExitCode::Done);
        }
        let look = async {
            match &mut looks {
                Some(looks) => looks.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = merge.next() => match event {
                Some(event) => reading.take(event, &roles),
                None => break,
            },
            Some(look) = look => match look {
                Ok(snapshot) => {
                    if std::mem::take(&mut out_of_reach) {
                        reading.tell("the Kubernetes API answers again");
                    }
                    if let Some((now, before)) = roles.seen(&snapshot) {
                        reading.moved(&now, before.as_deref());
                    }
                    reading.printer.pods(&snapshot);
                    let wanted = targets.pods(&snapshot, &roles);
                    let range = |pod: &str| match known.contains(pod) {
                        true => question,
                        false => of_new_pods(question),
                    };
                    merge.read(&wanted, range);
                    collectors.seen(&snapshot);
                    match &of_files {
                        Some(source) => {
                            // Of a server that has begun with it since all is new.
                            let range = |pod: &str| match collected.contains(pod) {
                                true => question,
                                false => of_new_pods(question),
                            };
                            merge.read_files(&collectors.of(&wanted), source, range);
                        }
                        None => reading.write_elsewhere(collectors.news(&wanted)),
                    }
                    known.extend(names(&snapshot));
                    last = snapshot;
                }
                Err(error) if !std::mem::replace(&mut out_of_reach, true) => {
                    reading.tell(&format!("{error}; it is tried again"));
                }
                Err(_) => {}
            },
        }
    }
    reading.end(&last)
}

fn names(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    let instances = snapshot.instances.iter();
    instances.map(|it| it.name().to_owned())
}

/// A pod that comes later is read from its beginning. (One that was there all the time, and becomes the primary or ceases to
/// be it, is not.)
fn of_new_pods(range: LogRange) -> LogRange {
    LogRange {
        tail: None,
        ..range
    }
}

/// Of a server that writes into files its container's log is what came before them, and what comes yet.
fn of_container_beside_files(range: LogRange) -> LogRange {
    LogRange {
        tail: range.tail.map(|_| 0),
        ..range
    }
}

fn question(args: &LogsArgs) -> LogRange {
    let since = args.since.map(|since| match since {
        LogSince::At(time) => time,
        LogSince::Ago(age) => Timestamp::now()
            .checked_sub(age)
            // A year at most.
            .unwrap_or(Timestamp::UNIX_EPOCH),
    });
    let tail = match args.tail {
        Some(LogTail::Lines(lines)) => Some(lines),
        Some(LogTail::All) => None,
        None if since.is_some() || args.slow => None,
        None => Some(TAIL),
    };
    LogRange {
        tail,
        since,
        previous: args.previous,
        follow: args.follow,
    }
}

fn no_such_pod(error: &NameError) -> Failure {
    let next = match error.nearest() {
        Some(nearest) => format!("pgctl logs {}", shell_word(nearest)),
        None => "pgctl logs primary, pgctl logs replicas, or a name of these".to_owned(),
    };
    Failure::new(ExitCode::Usage, plain(&error.to_string())).next(next)
}

/// Which entries are wanted.
struct Choice {
    level: Option<crate::log::LogLevel>,
    grep: Option<Regex>,
}

impl Choice {
    fn new(args: &LogsArgs) -> Result<Self, Failure> {
        let grep = args.grep.as_deref().map(|pattern| {
            let regex = RegexBuilder::new(pattern).multi_line(true).build();
            regex.map_err(|error| {
                Failure::new(ExitCode::Usage, "--grep is no regular expression")
                    .because(plain(error.to_string().lines().last().unwrap_or_default()))
                    .next("the syntax: https://docs.rs/regex/#syntax")
            })
        });
        Ok(Self {
            level: args.level,
            grep: grep.transpose()?,
        })
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        // What is not known is not hidden.
        let bad = match (self.level, entry.level) {
            (Some(least), Some(level)) => level >= least,
            // The rest of an entry that begins before what was asked for.
            (Some(_), None) if entry.is_rest() => false,
            (_, None) | (None, _) => true,
        };
        bad && self.grep.as_ref().is_none_or(|it| it.is_match(&entry.text))
    }
}

struct Reading<'a> {
    context: &'a Context,
    printer: LogPrinter,
    choice: Choice,
    slow: Option<SlowStatements>,
    /// What is to be printed.
    text: String,
    /// Whether any log could be read.
    shown: bool,
    /// Whether they are followed.
    follows: bool,
    /// Whether the logs before these were asked for.
    previous: bool,
    /// Entries with a severity in a word that is not known.
    strange: u64,
    /// The first log that could not be read.
    unreadable: Option<Failure>,
}

impl Reading<'_> {
    /// Prints all that nobody has to be waited for. False when nobody reads any more.
    async fn print_ready(&mut self, merge: &mut LogMerge, roles: &Roles) -> Result<bool, Failure> {
        loop {
            while self.text.len() < CHUNK
                && let Some(event) = merge.try_next()
            {
                self.take(event, roles);
            }
            if self.text.is_empty() {
                return Ok(true);
            }
            let whole = self.text.len() < CHUNK;
            let text = std::mem::take(&mut self.text);
            let read = write_all_of(text)
                .await
                .map_err(|error| cannot_write(&error))?;
            if !read || whole {
                return Ok(read);
            }
            // Ctrl-C has its turn.
            tokio::task::yield_now().await;
        }
    }

    fn take(&mut self, event: LogEvent, roles: &Roles) {
        match event {
            LogEvent::Entry { pod, time, entry } => {
                self.shown = true;
                self.entry(&pod, time, &entry, roles);
            }
            LogEvent::News { pod, news } => self.news(&pod, news),
        }
    }

    fn entry(&mut self, pod: &str, time: Option<Timestamp>, entry: &LogEntry, roles: &Roles) {
        if !self.choice.wants(entry) {
            return;
        }
        if let Some(slow) = &mut self.slow {
            slow.add(pod, time, entry);
            return;
        }
        let strange = entry.speaks_a_strange_language() && !entry.is_rest();
        self.strange += u64::from(strange);
        let role = roles.of(pod);
        match self.context.format {
            Format::Json => {
                let document = LogEntryDocument::new(pod, role, time, entry);
                self.text.push_str(&encode_line(&document));
            }
            format @ (Format::Yaml | Format::Value(_)) => {
                let document = LogEntryDocument::new(pod, role, time, entry);
                self.text.push_str(&encode(&document, format));
            }
            Format::Table | Format::Wide => {
                self.printer.entry(pod, role, time, entry, &mut self.text);
            }
        }
    }

    fn news(&mut self, pod: &str, news: LogNews) {
        match news {
            LogNews::Unreadable(error) => {
                self.tell(&format!("{pod}: {}", why_not(&error)));
                let failure = Failure::from(error);
                // What will never be read says more than what was lost.
                let before = self.unreadable.as_ref().map(|it| it.exit);
                if before.is_none_or(|it| it == ExitCode::Unreachable) {
                    self.unreadable = Some(failure);
                }
            }
            LogNews::NotNow(error) => {
                self.tell(&format!("{pod}: {}; it is tried again", why_not(&error)));
            }
            LogNews::Silent => {
                let limit = self.context.timeout().as_secs_f64();
                let what = format!("{pod}: nothing more came within {limit} s; its log may go on");
                self.tell(&what);
                self.unreadable.get_or_insert_with(|| lost(&what));
            }
            LogNews::FilesUnreadable { error, again } => {
                let again = if again { "; it is tried again" } else { "" };
                let what = format!(
                    "{pod}: the files that PostgreSQL writes its log into (logging_collector) can't be read: {error}{again}"
                );
                self.tell(&what);
                self.shows_files(pod);
                self.unreadable.get_or_insert_with(|| lost(&what));
            }
            LogNews::Broken(reason) => {
                let what = format!("{pod}: its log broke off: {reason}");
                self.tell(&what);
                self.unreadable.get_or_insert_with(|| lost(&what));
            }
            LogNews::Restarted => self.tell(&format!("{pod}: its container was started again")),
            LogNews::Replaced => self.tell(&format!("{pod}: it is a new pod")),
            LogNews::Gone => {
                self.tell(&format!(
                    "{pod}: the pod is gone; it is followed when it comes back"
                ));
            }
        }
    }

    fn moved(&mut self, now: &str, before: Option<&str>) {
        let was = before.map(|it| format!(" (it was {it})"));
        self.tell(&format!(
            "{now} is the primary now{}",
            was.unwrap_or_default()
        ));
    }

    /// Of a server with `logging_collector` the container's log has only what came before.
    fn write_elsewhere(&self, pods: Vec<String>) {
        for pod in pods {
            let what = match self.previous {
                true => {
                    "what its runs before have written is in files in the pod, among what a clone or a rewind may have brought along; to see which:"
                }
                false => {
                    "PostgreSQL writes its log into files in the pod, and here is only what came before that; to see them:"
                }
            };
            self.tell(&format!("{pod}: logging_collector is on: {what}"));
            self.shows_files(&pod);
        }
    }

    /// A command that shows the files of a server without asking it (`current_logfiles` names those that it writes now).
    fn shows_files(&self, pod: &str) {
        if !self.context.quiet {
            let script =
                format!("cd \"$PGDATA\" && tail -n {TAIL} -F $(cut -d\" \" -f2- current_logfiles)");
            let command = match self.previous {
                true => format!(
                    "pgctl query --pod {} 'select * from pg_ls_logdir() order by modification'",
                    shell_word(pod)
                ),
                false => format!(
                    "pgctl shell {} -- sh -c {}",
                    shell_word(pod),
                    shell_word(&script)
                ),
            };
            let screen = self.context.stderr();
            let command = screen.given.suggestion(&command);
            self.context.telling.say(&format!("  type: {command}\n"));
        }
    }

    /// What is no entry goes to stderr.
    fn tell(&self, text: &str) {
        if !self.context.quiet {
            let text = self.context.stderr().wrap(&plain(text), 2);
            self.context.telling.say(&format!("{text}\n"));
        }
    }

    fn end(mut self, snapshot: &Snapshot) -> Result<ExitCode, Failure> {
        if self.strange > 0 && self.choice.level.is_some() {
            let entries = match self.strange {
                1 => "1 entry has".to_owned(),
                count => format!("{count} entries have"),
            };
            self.tell(&format!(
                "{entries} a severity in a word that is not known (lc_messages of the server): shown all the same"
            ));
        }
        // Those that are followed end only because none can be read any more.
        let shown = self.shown && !self.follows;
        if let (Some(failure), false) = (self.unreadable.take(), shown) {
            // Each pod has its line already: the API's words for "there is none" need no second.
            return Err(if self.previous && failure.exit == ExitCode::Failed {
                Failure::new(
                    ExitCode::Failed,
                    "no container of these pods has ended before: there is no previous log",
                )
                .next("what they write now: pgctl logs")
            } else {
                failure
            });
        }
        if let Some(slow) = &self.slow {
            let text = if self.context.format.is_document() {
                let document = SlowStatementsDocument::new(snapshot, slow);
                encode(&document, self.context.format)
            } else {
                slow_screen(slow, &self.context.screen)
            };
            self.context.print(&text)?;
        }
        Ok(ExitCode::Done)
    }
}

/// A log that has ended before its end.
fn lost(what: &str) -> Failure {
    Failure::new(ExitCode::Unreachable, plain(what)).next("pgctl status")
}

/// In the API's words where they say more: "container is waiting to start".
fn why_not(error: &KubeError) -> String {
    match error {
        KubeError::Api { message, .. } if !message.is_empty() => message.clone(),
        KubeError::NotFound { .. } => "there is no such pod".to_owned(),
        other => other.to_string(),
    }
}
