//! The way through archived WAL to a moment: which archive, which base backup, which segments, and whether
//! they are whole.

use std::sync::Arc;

use futures::StreamExt as _;

use super::super::context::Context;
use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::format::{Identities, Kind, Manifest};
use crate::backup::store::{Store, blocking};
use crate::cli::RestoreArgs;
use crate::cluster::{Instance, Snapshot, Timeline, words};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::RecoveryFacts;
use crate::recovery::{
    RecoveryRequest, RecoveryTarget, RecoveryWay, Unreachable, UnreachableReason, choose_way,
};
use crate::wal::{ArchivedSegment, BaseBackup, Held, WalArchiveFacts};
use crate::wal_archive::{ArchiveError, ArchivePlace, WalArchive, places};

/// What is asked for; none when it is a backup alone.
pub(super) fn request(args: &RestoreArgs) -> Result<Option<RecoveryRequest>, Failure> {
    let given = &args.target;
    let exclusive = given.exclusive;
    let target = if given.latest {
        Some(RecoveryTarget::Latest)
    } else if let Some(time) = given.to_time {
        Some(RecoveryTarget::Time { time, exclusive })
    } else if let Some(position) = given.to_lsn {
        Some(RecoveryTarget::Lsn {
            position,
            exclusive,
        })
    } else if let Some(transaction) = given.to_xid {
        Some(RecoveryTarget::Xid {
            transaction,
            exclusive,
        })
    } else {
        given
            .to_name
            .clone()
            .map(|name| RecoveryTarget::Name { name })
    };
    match target {
        Some(target) => Ok(Some(RecoveryRequest {
            target,
            timeline: given.timeline.map(Timeline),
            backup: None,
        })),
        None if given.exclusive || given.timeline.is_some() => Err(Failure::new(
            ExitCode::Usage,
            "--exclusive and --timeline say more about a moment, and none is named",
        )
        .next("say which: --to-time, --to-lsn, --to-xid, --to-name or --latest")),
        None => Ok(None),
    }
}

/// From a base backup to the end of what is archived.
pub(in super::super) struct ToLatest {
    pub(in super::super) archive: WalArchive,
    pub(in super::super) facts: WalArchiveFacts,
    pub(in super::super) way: RecoveryWay,
}

/// The way from this base backup to the end of what is archived.
pub(in super::super) async fn to_latest(
    store: &Arc<dyn Store>,
    catalogue: &Catalogue,
    manifest: &Manifest,
) -> Result<ToLatest, Failure> {
    let place = ArchivePlace::of(&manifest.source.cluster, &manifest.system_identifier);
    let archive = WalArchive::new(store, place);
    let facts = listed(&archive).await?;
    let facts = facts.ok_or_else(|| nothing_archived(store))?;
    let request = RecoveryRequest {
        target: RecoveryTarget::Latest,
        timeline: None,
        backup: Some(manifest.id.clone()),
    };
    let way = choose_way(&facts, &bases(catalogue, archive.place()), &request)
        .map_err(|unreachable| refused(&request, &unreachable))?;
    Ok(ToLatest {
        archive,
        facts,
        way,
    })
}

async fn listed(archive: &WalArchive) -> Result<Option<WalArchiveFacts>, Failure> {
    let archive = archive.clone();
    blocking(move || Ok(archive.list()))
        .await?
        .map_err(unreadable)
}

/// What a way is looked for with.
pub(super) struct Looked<'a> {
    pub(super) context: &'a Context,
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) identities: &'a Identities,
    pub(super) snapshot: &'a Snapshot,
}

impl Looked<'_> {
    /// The base backup that it begins with, and the way.
    pub(super) async fn way(
        &self,
        mut request: RecoveryRequest,
        named: Option<Entry>,
    ) -> Result<(Entry, RecoveryFacts), Failure> {
        let place = self.place(named.as_ref()).await?;
        let archive = WalArchive::new(self.store, place);
        let Some(facts) = listed(&archive).await? else {
            return Err(self.no_archive(archive.place()).await);
        };
        let catalogue = Catalogue::read(self.store).await?;
        let bases = bases(&catalogue, archive.place());
        request.backup = named.map(|it| it.id);
        let way = choose_way(&facts, &bases, &request)
            .map_err(|unreachable| refused(&request, &unreachable))?;
        let entry = catalogue.entries.into_iter().find(|it| it.id == way.backup);
        let entry = entry.ok_or_else(|| {
            Failure::new(ExitCode::Refused, "the base backup is gone from the store")
                .on(&way.backup)
                .next("pgctl backup list")
        })?;
        let problems = self.read(&archive, &facts, &way).await?;
        Ok((entry, RecoveryFacts { way, problems }))
    }

    /// The archive that is meant: that of the backup, or else of the data that the cluster has.
    async fn place(&self, named: Option<&Entry>) -> Result<ArchivePlace, Failure> {
        if let Some(named) = named {
            let manifest = named.manifest.as_ref().map_err(|problem| {
                Failure::new(ExitCode::Refused, "the backup can't be read")
                    .on(&named.id)
                    .because(problem)
            })?;
            if manifest.backup != Kind::Physical {
                return Err(Failure::new(
                    ExitCode::Refused,
                    "a recovery through archived WAL begins with a base backup, and this one holds SQL",
                )
                .on(&named.id)
                .next("leave BACKUP away: the best one is chosen"));
            }
            return Ok(ArchivePlace::of(
                &manifest.source.cluster,
                &manifest.system_identifier,
            ));
        }
        let cluster = &self.snapshot.cluster;
        let answers = self.snapshot.primary().and_then(Instance::facts);
        let system = answers
            .map(|facts| facts.system_identifier.clone())
            .or_else(|| self.snapshot.topology.system_identifier.clone());
        if let Some(system) = system {
            return Ok(ArchivePlace::of(cluster, &system));
        }
        // Everything is lost: there is only what the store has.
        let mut of_it = self.places().await?;
        match (of_it.pop(), of_it.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(nothing_archived(self.store)),
            (Some(last), false) => {
                of_it.push(last);
                Err(several(&of_it))
            }
        }
    }

    async fn places(&self) -> Result<Vec<ArchivePlace>, Failure> {
        let store = Arc::clone(self.store);
        let mut all = blocking(move || places(&store)).await?;
        all.retain(|it| it.is_of(&self.snapshot.cluster));
        Ok(all)
    }

    async fn no_archive(&self, place: &ArchivePlace) -> Failure {
        match self.places().await {
            Ok(others) if !others.is_empty() => Failure::new(
                ExitCode::Refused,
                format!(
                    "no WAL of system {} is archived, the one that the cluster has now",
                    place.system_identifier
                ),
            )
            .because(format!(
                "there is WAL of data that it had before: system {}",
                systems(&others)
            ))
            .next("name a base backup of that: pgctl backup list"),
            _ => nothing_archived(self.store),
        }
    }

    /// Reads every segment of the way to its end; what is wrong with each.
    async fn read(
        &self,
        archive: &WalArchive,
        facts: &WalArchiveFacts,
        way: &RecoveryWay,
    ) -> Result<Vec<String>, Failure> {
        if way.encrypted && self.identities.is_empty() {
            return Err(
                Failure::new(ExitCode::Usage, "the archived WAL is encrypted")
                    .on(archive.place().folder())
                    .next("name the file with its key: --identity FILE"),
            );
        }
        if !self.context.quiet {
            self.context.telling.say(&format!(
                "reading {} of archived WAL ({}) to the end\n",
                words::counted(way.count, "segment"),
                words::bytes(way.stored_bytes)
            ));
        }
        let mut reading = std::pin::pin!(archive.read_ahead(
            segments(facts, way),
            facts.segment_size,
            self.identities,
            |_, _| (),
        ));
        let mut problems = Vec::new();
        while let Some((name, read)) = reading.next().await {
            match read {
                Ok(()) => {}
                Err(ArchiveError::Broken { reason, .. }) => {
                    problems.push(format!("{name}: {reason}"));
                }
                Err(error) => return Err(unreadable(error).on(name.to_string())),
            }
        }
        Ok(problems)
    }
}

/// The segments of a way, as they are archived.
pub(in super::super) fn segments(
    facts: &WalArchiveFacts,
    way: &RecoveryWay,
) -> Vec<ArchivedSegment> {
    let held = |name| match facts.held(name) {
        Held::Whole(segment) | Held::Until(segment, _) => Some(segment.clone()),
        // What is not there is no part of a way.
        Held::Several | Held::Missing => None,
    };
    way.names().into_iter().filter_map(held).collect()
}

/// The base backups of an archive's data that are whole, as far as is known.
fn bases(catalogue: &Catalogue, place: &ArchivePlace) -> Vec<BaseBackup> {
    let fits = |manifest: &&Manifest| {
        manifest.backup == Kind::Physical
            && manifest.system_identifier == place.system_identifier
            && place.is_of(&manifest.source.cluster)
    };
    catalogue
        .entries
        .iter()
        .filter(|entry| entry.verified().is_some())
        .filter_map(|entry| entry.manifest.as_ref().ok())
        .filter(fits)
        .map(|manifest| BaseBackup {
            id: manifest.id.clone(),
            timeline: manifest.wal.timeline,
            start: manifest.wal.start,
            end: manifest.wal.end,
            ended: manifest.ended,
        })
        .collect()
}

fn refused(request: &RecoveryRequest, unreachable: &Unreachable) -> Failure {
    let what = match &unreachable.reason {
        UnreachableReason::Ambiguous { .. } => "more than one past is meant; nothing was changed",
        UnreachableReason::NoBackup
        | UnreachableReason::OtherBackup { .. }
        | UnreachableReason::NoTimeline { .. }
        | UnreachableReason::NotOnTheWay { .. }
        | UnreachableReason::NoHistory { .. }
        | UnreachableReason::BeforeBackup { .. }
        | UnreachableReason::Broken { .. }
        | UnreachableReason::AfterEnd { .. }
        | UnreachableReason::NoWal { .. } => "that can't be reached; nothing was changed",
    };
    let backup = request.backup.iter().cloned();
    let mut failure = Failure::new(ExitCode::Refused, what)
        .on(request.target.option())
        .because(unreachable.reason.to_string());
    for nearest in unreachable.earlier.iter().chain(&unreachable.later) {
        let words: Vec<String> = backup.clone().chain([nearest.options()]).collect();
        failure = failure.next(format!("pgctl restore {}", words.join(" ")));
    }
    if unreachable.earlier.is_none() && unreachable.later.is_none() {
        failure = failure.next("pgctl backup list");
    }
    failure
}

fn nothing_archived(store: &Arc<dyn Store>) -> Failure {
    Failure::new(
        ExitCode::Refused,
        "no WAL of this cluster is archived in this store",
    )
    .on(store.location())
    .next("without it a backup can be restored as it is: pgctl backup list")
}

fn several(places: &[ArchivePlace]) -> Failure {
    Failure::new(
        ExitCode::Refused,
        "the store has WAL of several data directories of this cluster, and no primary answers that would say which",
    )
    .because(format!("system {}", systems(places)))
    .next("name a base backup of the one that is meant: pgctl backup list")
}

fn systems(places: &[ArchivePlace]) -> String {
    let each: Vec<&str> = places
        .iter()
        .map(|it| it.system_identifier.as_str())
        .collect();
    each.join(", ")
}

fn unreadable(error: ArchiveError) -> Failure {
    let advice = error.advice();
    match error {
        ArchiveError::Store(error) => error.into(),
        ArchiveError::NoKey { .. } | ArchiveError::WrongKey { .. } => {
            Failure::new(ExitCode::Usage, error.to_string()).next(advice)
        }
        ArchiveError::Broken { .. } | ArchiveError::OtherSize { .. } => {
            Failure::new(ExitCode::Refused, error.to_string()).next(advice)
        }
    }
}
