//! `pgctl restore --table`: a table of a throw-away server, copied into the cluster under another name.

use super::super::asking::{Asking, cannot_propose};
use super::super::context::Context;
use super::super::small_change;
use crate::change::{ChangeProposal, TableCopyRequest, TableFacts, TableName, propose_table_copy};
use crate::cli::{RestoreArgs, SmallChangeArgs};
use crate::cluster::suggestion::{option, psql};
use crate::cluster::{Role, throw_away_pod, words};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenError;
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::postgres::Session;

/// Where tables are that are named without a schema.
const PUBLIC: &str = "public";

/// The table as it was asked for, and what it is to be called.
///
/// # Errors
/// When a name can't be one.
pub(super) fn names(args: &RestoreArgs) -> Result<Option<[TableName; 2]>, Failure> {
    let (Some(table), Some(new)) = (&args.table, &args.rename) else {
        return Ok(None);
    };
    let bad = |option: &str, text: &str, why: &str| {
        Failure::new(ExitCode::Usage, plain(&format!("{option} {text}: {why}")))
            .next("pgctl restore --help")
    };
    let table = TableName::parse(table, PUBLIC).map_err(|why| bad("--table", table, why))?;
    let new = TableName::parse(new, &table.schema).map_err(|why| bad("--as", new, why))?;
    Ok(Some([table, new]))
}

/// Copies it out of the throw-away server `server`, which is there.
pub(super) async fn copy(
    context: &Context,
    args: &RestoreArgs,
    server: &str,
    [table, into]: [TableName; 2],
) -> Result<ExitCode, Failure> {
    let mut asking = Asking::connect(context, &[]).await?;
    let primary = asking.only_primary(context).await?;
    let cluster = asking.cluster().clone();
    let there = Asking::connect(context, &[format!("restored-{server}")]).await?;
    let change = CopyTable {
        context,
        asking: &asking,
        there: &there,
        pod: throw_away_pod(&cluster, server),
        request: TableCopyRequest {
            server: server.to_owned(),
            database: args
                .database
                .clone()
                .unwrap_or_else(|| "postgres".to_owned()),
            table,
            into,
            primary,
            cluster: cluster.name.clone(),
        },
    };
    let small = SmallChangeArgs {
        dry_run: args.operation.change.dry_run,
        yes: args.operation.change.yes,
    };
    let (kube, command) = (&asking.kube, "restore --table");
    small_change::run(context, &small, command, kube, &cluster, &change).await
}

struct CopyTable<'a> {
    context: &'a Context,
    asking: &'a Asking,
    there: &'a Asking,
    /// Of the throw-away server.
    pod: String,
    request: TableCopyRequest,
}

impl CopyTable<'_> {
    async fn source(&self) -> Result<Session, OpenError> {
        let there = self.there;
        let open = there.found().open(&there.kube, &self.pod).await?;
        open.database(&self.request.database).await
    }

    /// In the primary's database, and only as long as it is the primary.
    async fn target(&self) -> Result<(Role, Session), OpenError> {
        let asking = self.asking;
        let open = asking
            .found()
            .open(&asking.kube, &self.request.primary)
            .await?;
        let role = open.role;
        Ok((role, open.database(&self.request.database).await?))
    }

    async fn no_table(&self, source: &Session) -> Failure {
        let TableCopyRequest {
            table,
            database,
            server,
            ..
        } = &self.request;
        let what = format!("the throw-away server {server} has no table {table} in {database}");
        let failure = Failure::new(ExitCode::Usage, plain(&what));
        let namespace = &self.there.cluster().namespace;
        let pod = format!("restored-{server}");
        let others = source.schemas_with(&table.table).await.unwrap_or_default();
        match others.first() {
            Some(schema) => failure
                .because(plain(&format!("{} is in: {}", table.table, others.join(", "))))
                .next(option("--table", &format!("{schema}.{}", table.table))),
            None => failure
                .because("names are as they are stored, in upper and lower case; another database is named by --database")
                .next(format!("see what there is: {}", psql(namespace, &pod, database, "\\dt *.*"))),
        }
    }

    async fn table(&self, source: &Session) -> Result<Option<TableFacts>, OpenError> {
        Ok(source.table_facts(&self.request.table).await?)
    }
}

impl SmallChange for CopyTable<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let on = |pod: &str| {
            let pod = pod.to_owned();
            move |error: OpenError| cannot_propose(&pod, error)
        };
        let source = self.source().await.map_err(on(&self.pod))?;
        let Some(facts) = self.table(&source).await.map_err(on(&self.pod))? else {
            return Err(self.no_table(&source).await);
        };
        let primary = self.request.primary.as_str();
        let (role, target) = self.target().await.map_err(on(primary))?;
        if role != Role::Primary {
            let what = "it is not the primary any more; nothing was changed";
            return Err(Failure::new(ExitCode::Refused, what)
                .on(plain(primary))
                .next("pgctl status"));
        }
        let found = target.table_target(&self.request.into, &facts).await;
        let found = found.map_err(|error| cannot_propose(primary, error.into()))?;
        let server = target.facts().await;
        let free = server.ok().and_then(|it| it.usage.left_bytes());
        let unfinished = around.unfinished.as_ref();
        Ok(propose_table_copy(
            &self.request,
            &facts,
            &found,
            free,
            unfinished,
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let source = self.source().await?;
        let facts = self.table(&source).await?;
        let Some(facts) = facts else {
            return Err(NotDone::NothingChanged(format!(
                "{} is not there any more",
                self.request.table
            )));
        };
        let (_, target) = self.target().await?;
        let rows = target
            .take_table(&source, &self.request, &facts)
            .await
            .map_err(OpenError::from)?;
        let line = format!("{} copied\n", words::counted(rows, "row"));
        self.context.telling.say(&line);
        Ok(())
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let (_, target) = self.target().await?;
        Ok(target.table_facts(&self.request.into).await?.is_some())
    }
}
