//! Look at the backup and at the cluster, plan, ask, restore.

use std::cell::RefCell;
use std::sync::Arc;

use super::super::backup::store;
use super::super::confirming::confirm;
use super::super::context::Context;
use super::super::operation::{self, execute_looking_again};
use super::recovery::{self, Looked};
use super::{backup, discard, table, throw_away};
use crate::backup::format::Identities;
use crate::backup::store::{Location, Store};
use crate::cli::RestoreArgs;
use crate::confirmation::GoOn;
use crate::engine::Journal;
use crate::events::RunEvent;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{Observed, login, target_facts};
use crate::operate::Target;
use crate::output::plain;
use crate::plan::{
    OperationKind, RestoreCircumstances, RestoreKind, RestoreRequest, RestoreScope, TargetFacts,
    plan_restore,
};
use crate::recovery::RecoveryRequest;
use crate::world::{Backups, RecordOf, journal_of};

/// The command's word, as in the journal.
const KIND: OperationKind = OperationKind::Restore;

pub(in super::super) async fn run(
    context: &Context,
    args: &RestoreArgs,
) -> Result<ExitCode, Failure> {
    if args.operation.go_on.resume {
        return go_on(context, args, GoOn::Resume).await;
    }
    if args.operation.go_on.abort {
        return go_on(context, args, GoOn::Abort).await;
    }
    if args.discard_old {
        return discard::run(context, args).await;
    }
    if let Some(name) = &args.discard_into {
        return throw_away::discard(context, args, name).await;
    }
    if args.into.is_some() && (args.pause || !args.except.is_empty()) {
        return Err(Failure::new(
            ExitCode::Usage,
            "a throw-away server has all that the base backup has, and nobody waits for it: --except and --pause are for the cluster",
        )
        .next("pgctl restore --help"));
    }
    if let (Some(server), None) = (&args.into, &args.table)
        && (args.database.is_some() || args.rename.is_some())
    {
        return Err(Failure::new(
            ExitCode::Usage,
            "a throw-away server has all that the base backup has: --database and --as are for a table of it",
        )
        .next(format!("a table of it: pgctl restore --table TABLE --into {server} --as NAME")));
    }
    let request = recovery::request(args)?;
    if let (Some(server), Some(table)) = (&args.into, table::names(args)?) {
        // Of one that is there, unless it is said what it is made of.
        if args.backup.is_some() || request.is_some() {
            let made = into(context, args, request).await?;
            if made != ExitCode::Done || args.operation.change.dry_run {
                return Ok(made);
            }
        }
        return table::copy(context, args, server, table).await;
    }
    into(context, args, request).await
}

/// Into the cluster, or a throw-away server.
async fn into(
    context: &Context,
    args: &RestoreArgs,
    request: Option<RecoveryRequest>,
) -> Result<ExitCode, Failure> {
    if args.table.is_none() && args.rename.is_some() && args.database.is_none() {
        return Err(Failure::new(
            ExitCode::Usage,
            "--as is the name that one database gets: say which with --database",
        )
        .next("pgctl restore --help"));
    }
    let store = store::open(&args.store)?;
    let identities = identities(args)?;
    let given = args.backup.as_deref().unwrap_or_default();
    let named = match (&request, given) {
        // The best one is chosen.
        (Some(_), "") => None,
        (_, given) => Some(backup::find(&store, given).await?),
    };
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let (chosen, way) = match (request, named) {
        (None, Some(named)) => (named, None),
        (None, None) => {
            return Err(
                Failure::new(ExitCode::Usage, "no backup is named").next("pgctl backup list")
            );
        }
        (Some(request), named) => {
            let looked = Looked {
                context,
                store: &store,
                identities: &identities,
                snapshot: &observed.snapshot,
            };
            let (entry, facts) = looked.way(request, named).await?;
            (entry, Some(facts))
        }
    };
    if !context.quiet {
        context
            .telling
            .say(&format!("reading {} to its end\n", plain(&chosen.id)));
    }
    let facts = backup::facts(&store, chosen, &identities).await?;
    if args.pause && facts.kind != RestoreKind::Physical {
        return Err(Failure::new(
            ExitCode::Usage,
            "--pause is for base backups: databases are loaded beside the present ones anyway",
        )
        .on(&facts.id)
        .next("look at one of them before: --database NAME --as NEW"));
    }
    let found = RefCell::new(RestoreCircumstances {
        backup: facts,
        target: match target(context, &kube, &observed).await {
            // What is made beside the cluster needs nothing of a primary that does not answer.
            Err(_) if args.into.is_some() => None,
            found => found?,
        },
        recovery: way,
        in_the_way: match &args.into {
            Some(name) => throw_away::in_the_way(&kube, &observed.snapshot.cluster, name).await?,
            None => Vec::new(),
        },
    });
    let request = RestoreRequest {
        clean: args.clean,
        no_safety_backup: args.no_safety_backup,
        // Of a throw-away server it says where the table is.
        database: args.database.clone().filter(|_| args.into.is_none()),
        except: args.except.clone(),
        rename: args.rename.clone().filter(|_| args.into.is_none()),
        allow_drift: args.allow_drift,
        pause: args.pause,
        into: args.into.clone(),
        timeout_seconds: u32::try_from(args.move_timeout.as_secs().max(1)).unwrap_or(u32::MAX),
    };
    let backups = backups(context, store, identities);
    let on = Target {
        record: record(args),
        ..operation::target(context, kube, observed, Some(backups))
    };
    execute_looking_again(
        context,
        &args.operation.change,
        KIND,
        on,
        |snapshot, circumstances, now| {
            plan_restore(snapshot, &request, circumstances, &found.borrow(), now)
        },
        // An empty database may have been filled while the plan was read.
        async |kube, observed| {
            if args.into.is_none() {
                let target = target(context, kube, observed).await?;
                found.borrow_mut().target = target;
            }
            if let Some(name) = &args.into {
                let taken = throw_away::in_the_way(kube, &observed.snapshot.cluster, name).await?;
                found.borrow_mut().in_the_way = taken;
            }
            Ok(())
        },
    )
    .await
}

/// Where it is written down.
fn record(args: &RestoreArgs) -> RecordOf {
    match args.into {
        Some(_) => RecordOf::ThrowAway,
        None => RecordOf::Cluster,
    }
}

/// What the journal says is restored, from the store that it names.
async fn go_on(context: &Context, args: &RestoreArgs, option: GoOn) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let observed = context.observe(&kube).await?;
    let journal = journal_of(&kube, &observed.snapshot.cluster, record(args)).await?;
    match &args.into {
        Some(name) => throw_away::is_unfinished(journal.as_ref(), name)?,
        None if journal.as_ref().and_then(Journal::unfinished).is_none() => {
            throw_away::is_meant(&kube, &observed.snapshot.cluster).await?;
        }
        None => {}
    }
    let backups = match &journal {
        Some(journal) if !journal.ended() => match journal.plan.operation.restore() {
            Some(scope) => {
                let opened = reopened(args, scope).await;
                // What only goes back, or drops what was replaced, does not read it.
                if option == GoOn::Abort || !journal.needs_backup() {
                    opened.ok()
                } else {
                    Some(opened.map_err(|failure| failure.next(journal.plan.resume_command()))?)
                }
            }
            None => None,
        },
        Some(_) | None => None,
    };
    let goes_back = |it: &Journal| {
        let left = it.unfinished();
        option == GoOn::Abort && left.is_some_and(|it| !it.past_point_of_no_return)
    };
    let mut confirmed = None;
    if let Some(journal) = journal.filter(|it| goes_back(it) && it.is_in_use()) {
        let scope = journal.plan.operation.restore();
        let physical = scope.is_some_and(|it| it.kind == RestoreKind::Physical);
        context.telling.say(if physical {
            "the write Service was opened: what clients have written to the restored data since is in what is taken away with it (kept beside the data of before, and used by nobody)\n"
        } else {
            "what clients have written to the restored databases since they were put in place would be lost\n"
        });
        let (plan, yes) = (&journal.plan, args.operation.change.yes);
        confirmed = Some(confirm(context, &plan.operation.to_string(), plan, yes).await?);
    }
    let backups = backups.map(|(store, identities)| self::backups(context, store, identities));
    let on = Target {
        record: record(args),
        ..operation::target(context, kube, observed, backups)
    };
    operation::go_on(context, on, KIND, option, confirmed).await
}

/// The store, and the keys that its backup takes: what does not fit is said before anything is
/// taken over, as a restore that fails later puts back the work of hours.
async fn reopened(
    args: &RestoreArgs,
    scope: &RestoreScope,
) -> Result<(Arc<dyn Store>, Identities), Failure> {
    let store = match &args.store.store {
        Some(_) => store::open(&args.store)?,
        None => scope
            .store
            .parse::<Location>()
            .map_err(|error| Failure::new(ExitCode::Refused, error.to_string()))?
            .open()?,
    };
    let identities = identities(args)?;
    backup::readable(&store, &scope.backup, &identities).await?;
    Ok((store, identities))
}

fn identities(args: &RestoreArgs) -> Result<Identities, Failure> {
    Ok(match &args.identity {
        Some(file) => Identities::read(file)?,
        None => Identities::default(),
    })
}

fn backups(context: &Context, store: Arc<dyn Store>, identities: Identities) -> Backups {
    let telling = context.telling.clone();
    Backups {
        store,
        identities,
        tell: Arc::new(move |event: &RunEvent| telling.event(event)),
    }
}

/// What there is on the primary; none when none answers.
async fn target(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
) -> Result<Option<TargetFacts>, Failure> {
    let (Some(primary), Some(credentials)) = (observed.snapshot.primary(), &observed.credentials)
    else {
        return Ok(None);
    };
    let login = login(credentials, context.timeout());
    let namespace = &observed.snapshot.cluster.namespace;
    let facts = target_facts(kube, namespace, primary.name(), &login).await;
    facts
        .map(Some)
        .map_err(|error| super::super::backup::cannot_open(primary.name(), error))
}
