//! `pgctl doctor`: look at everything at once, judge, show.

use std::sync::Arc;

use super::backup::store;
use super::context::Context;
use super::journal::JournalSeen;
use super::looking::{self, Looking};
use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cli::{DoctorArgs, StoreArgs};
use crate::cluster::{Limits, Severity, Snapshot, assess, nearest};
use crate::doctor::{BackupSeen, CheckCode, DoctorFacts, Examination, Known, examine};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{Observed, examined};
use crate::operate::argo_applications;
use crate::output::{DoctorDocument, Screen, doctor_answer, doctor_screen};
use crate::plan::drift;

pub(super) async fn run(context: &Context, args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let doctor = Doctor::connect(context, args).await?;
    looking::run(context, &args.watch, doctor).await
}

/// Looks at everything that a check goes by.
struct Doctor {
    kube: Kube,
    limits: Limits,
    store: Known<Arc<dyn Store>>,
    only: Option<Vec<CheckCode>>,
    fail_on: Severity,
    statistics_seconds: f64,
    verbose: bool,
}

/// What was seen.
struct Seen {
    snapshot: Snapshot,
    examination: Examination,
}

/// What all checks find in what was observed, without the backups: for a report.
pub(super) async fn examination(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
) -> DoctorDocument {
    const WEEK: f64 = 604_800.0;
    let doctor = Doctor {
        kube: kube.clone(),
        limits: Limits::default(),
        store: Err("a report does not look at backups".to_owned()),
        only: None,
        fail_on: Severity::Critical,
        statistics_seconds: WEEK,
        verbose: false,
    };
    let seen = doctor.examine(context, observed).await;
    DoctorDocument::new(&seen.snapshot, &seen.examination)
}

impl Doctor {
    /// Connects, once what was typed makes sense.
    async fn connect(context: &Context, args: &DoctorArgs) -> Result<Self, Failure> {
        let only = match args.checks.as_slice() {
            [] => None,
            codes => Some(codes.iter().map(|it| code(it)).collect::<Result<_, _>>()?),
        };
        let named = args
            .store
            .clone()
            .ok_or_else(|| "no store of backups is named (--store, PGCTL_STORE)".to_owned());
        Ok(Self {
            kube: context.connect().await?,
            limits: Limits {
                lag: args.max_lag,
                ..Limits::default()
            },
            store: named.and_then(|name| {
                let store = StoreArgs { store: Some(name) };
                store::open(&store).map_err(|failure| failure.what)
            }),
            only,
            fail_on: args.fail_on.into(),
            statistics_seconds: args.statistics_age.as_secs_f64(),
            verbose: context.verbose,
        })
    }

    async fn backups(&self, snapshot: &Snapshot, context: &Context) -> Known<BackupSeen> {
        let store = self.store.as_ref().map_err(String::clone)?;
        let reading = tokio::time::timeout(context.timeout(), Catalogue::read(store)).await;
        let catalogue = reading
            .map_err(|_| format!("{} does not answer", store.location()))?
            .map_err(|error| error.to_string())?;
        Ok(seen_in(&catalogue, snapshot, store.location()))
    }

    /// Asks what a snapshot does not know, and judges it all.
    async fn examine(&self, context: &Context, observed: &Observed) -> Seen {
        let snapshot = &observed.snapshot;
        let (examined, backups, argo) = futures::join!(
            examined(&self.kube, observed, &context.selection),
            self.backups(snapshot, context),
            argo_applications(&self.kube, snapshot),
        );
        let facts = DoctorFacts {
            health: assess(snapshot, &self.limits),
            objects: examined.objects,
            servers: examined.servers,
            unlogged: examined.unlogged,
            secret: examined.secret,
            backups,
            drift: drift(snapshot, &argo),
            access: examined.access,
            statistics_seconds: self.statistics_seconds,
            snapshot: snapshot.clone(),
        };
        Seen {
            examination: examine(&facts, self.only.as_deref()),
            snapshot: facts.snapshot,
        }
    }
}

/// The newest that is whole, and the newest trial of one.
fn seen_in(catalogue: &Catalogue, snapshot: &Snapshot, store: String) -> BackupSeen {
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let newest = catalogue.newest_of(cluster, system, snapshot.taken);
    let restored = catalogue.last_restore_test_of(cluster, system, snapshot.taken);
    BackupSeen {
        store,
        newest: newest.map(|it| (it.id, it.started)),
        restored: restored.map(|(id, test)| {
            let problem = test.problems.first().cloned();
            (id.to_owned(), test.at, problem)
        }),
    }
}

fn code(given: &str) -> Result<CheckCode, Failure> {
    CheckCode::find(given.trim()).ok_or_else(|| {
        let codes: Vec<String> = CheckCode::all().map(|it| it.to_string()).collect();
        let failure = Failure::new(ExitCode::Usage, format!("there is no check {given:?}"));
        match nearest(given, codes.iter().map(String::as_str)) {
            Some(near) => failure.next(format!("pgctl doctor --check {near}")),
            None => failure.next("pgctl doctor -v   # names every check"),
        }
    })
}

impl Looking for Doctor {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let mut observed = context.observe(&self.kube).await?;
        let journal = JournalSeen::look(&self.kube, &observed.snapshot.cluster).await;
        journal.note(&mut observed.snapshot);
        Ok(self.examine(context, &observed).await)
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        DoctorDocument::new(&seen.snapshot, &seen.examination)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        doctor_screen(&seen.examination, self.verbose, screen)
    }

    fn answer(&self, seen: &Seen, screen: &Screen) -> String {
        doctor_answer(&seen.examination, screen) + "\n"
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        if seen
            .snapshot
            .instances
            .iter()
            .all(|it| it.facts().is_none())
        {
            ExitCode::Unreachable
        } else if seen.examination.fails_on(self.fail_on) {
            ExitCode::Unhealthy
        } else {
            ExitCode::Done
        }
    }
}
