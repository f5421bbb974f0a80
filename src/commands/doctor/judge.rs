//! What was seen, judged by what was typed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cli::{DoctorArgs, JudgingArgs};
use crate::cluster::{Limits, Severity, Snapshot, assess, nearest};
use crate::commands::backup::store;
use crate::doctor::{
    ArchiveSeen, BackupSeen, Check, CheckCode, DoctorFacts, Examination, Known, examine,
};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::Examined;
use crate::operate::argo_applications;
use crate::plan::drift;
use crate::wal_archive::last_archive;

/// How old statistics must be where nobody says so, in seconds: a week.
const STATISTICS_SECONDS: f64 = 604_800.0;

/// By what is judged.
pub(super) struct Judge {
    limits: Limits,
    store: Known<Arc<dyn Store>>,
    only: Option<Vec<CheckCode>>,
    fail_on: Severity,
    statistics_seconds: f64,
}

/// What was found, and no more of what was seen than is told: there may be a thousand of them.
pub(super) struct Seen {
    /// When the look began.
    pub(super) taken: Timestamp,
    /// Whether any database has answered.
    answered: bool,
    pub(super) examination: Examination,
}

/// A store, and the backups in it.
pub(super) struct Backups {
    store: Arc<dyn Store>,
    catalogue: Catalogue,
}

impl Judge {
    /// Asks nothing of anybody.
    ///
    /// # Errors
    /// When there is no check of a code.
    pub(super) fn new(args: &DoctorArgs) -> Result<Self, Failure> {
        let only = match args.checks.as_slice() {
            [] => None,
            codes => Some(codes.iter().map(|it| code(it)).collect::<Result<_, _>>()?),
        };
        Ok(Self {
            only,
            fail_on: args.fail_on.into(),
            statistics_seconds: args.statistics_age.as_secs_f64(),
            ..Self::of_report(&args.judging)
        })
    }

    /// Every check, as it comes by itself: for a report.
    pub(super) fn of_report(judging: &JudgingArgs) -> Self {
        let named = judging.store();
        let named =
            named.ok_or_else(|| "no store of backups is named (--store, PGCTL_STORE)".to_owned());
        Self {
            limits: Limits {
                lag: judging.max_lag,
                ..Limits::default()
            },
            store: named.and_then(|it| store::open(&it).map_err(|failure| failure.what)),
            only: None,
            fail_on: Severity::Critical,
            statistics_seconds: STATISTICS_SECONDS,
        }
    }

    /// Whether somebody has named a check of what may be done.
    pub(super) fn names_rights(&self) -> bool {
        let rights = [Check::RightsToLook, Check::RightsToOperate].map(CheckCode::Own);
        let named = |only: &Vec<CheckCode>| rights.iter().any(|it| only.contains(it));
        self.only.as_ref().is_some_and(named)
    }

    /// Reads the store, for no longer than an answer may take.
    pub(super) async fn backups(&self, limit: Duration) -> Known<Backups> {
        let store = self.store.as_ref().map_err(String::clone)?;
        let reading = tokio::time::timeout(limit, Catalogue::read(store)).await;
        let catalogue = reading
            .map_err(|_| format!("{} does not answer", store.location()))?
            .map_err(|error| error.to_string())?;
        Ok(Backups {
            store: Arc::clone(store),
            catalogue,
        })
    }

    /// Judges a cluster. Applications of Argo CD are asked what they would do.
    pub(super) async fn judge(
        &self,
        kube: &Kube,
        snapshot: &Snapshot,
        examined: Examined,
        backups: &Known<Backups>,
    ) -> Seen {
        let argo = argo_applications(kube, snapshot).await;
        let archive = match backups {
            Ok(backups) => archived(&backups.store, snapshot, kube.timeout()).await,
            Err(why) => Err(why.clone()),
        };
        let facts = DoctorFacts {
            health: assess(snapshot, &self.limits),
            objects: examined.objects,
            servers: examined.servers,
            passwords: examined.passwords,
            unlogged: examined.unlogged,
            secret: examined.secret,
            backups: match backups {
                Ok(backups) => Ok(seen_in(backups, snapshot)),
                Err(why) => Err(why.clone()),
            },
            archive,
            drift: drift(snapshot, &argo),
            access: examined.access,
            statistics_seconds: self.statistics_seconds,
            snapshot: snapshot.clone(),
        };
        Seen {
            examination: examine(&facts, self.only.as_deref()),
            taken: snapshot.taken,
            answered: snapshot.instances.iter().any(|it| it.facts().is_some()),
        }
    }

    /// How the command ends when it was about these clusters.
    pub(super) fn exit<'a>(&self, clusters: impl Iterator<Item = &'a Seen> + Clone) -> ExitCode {
        let fails = |it: &Seen| it.examination.fails_on(self.fail_on);
        if !clusters.clone().any(|it| it.answered) {
            ExitCode::Unreachable
        } else if clusters.clone().any(fails) {
            ExitCode::Unhealthy
        } else {
            ExitCode::Done
        }
    }
}

/// What the store has of the cluster's WAL; it is waited for no longer than `limit`.
async fn archived(
    store: &Arc<dyn Store>,
    snapshot: &Snapshot,
    limit: Duration,
) -> Known<Option<ArchiveSeen>> {
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let last = last_archive(store, cluster, system, limit).await;
    let seen = |protection| ArchiveSeen {
        store: last.store,
        protection,
    };
    Ok(last.found?.map(seen))
}

/// The newest that is whole, and the newest trial of one.
fn seen_in(backups: &Backups, snapshot: &Snapshot) -> BackupSeen {
    let catalogue = &backups.catalogue;
    let (cluster, system) = (&snapshot.cluster, snapshot.system_identifier());
    let newest = catalogue.newest_of(cluster, system, snapshot.taken);
    let restored = catalogue.last_restore_test_of(cluster, system, snapshot.taken);
    BackupSeen {
        store: backups.store.location(),
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
        let failure = match nearest(given, codes.iter().map(String::as_str)) {
            Some(near) => failure
                .because(format!("nearest is {near}"))
                .next(format!("pgctl doctor --check {near}")),
            None => failure,
        };
        failure.next("pgctl explain   # lists every code")
    })
}
