//! A statement that may change something.

use std::sync::OnceLock;
use std::time::Duration;

use super::super::asking::{Asking, cannot_propose};
use super::super::context::Context;
use super::super::small_change;
use super::look::cut_words;
use crate::change::{ChangeProposal, StatementFacts, propose_statement};
use crate::cli::QueryArgs;
use crate::cluster::{QueryAnswer, Role};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{AskedCluster, OpenError, OpenPod, RunningStatements, session_in};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::postgres::{QueryLimits, Written};

/// How long a server is given to hear that nobody waits any more.
const CANCELLING: Duration = Duration::from_secs(3);
/// How long it is asked how a transaction ended, of whose end nothing was heard.
const LOOKING: Duration = Duration::from_secs(10);
/// Between two such looks.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn run(
    context: &Context,
    args: &QueryArgs,
    sql: &str,
    limits: QueryLimits,
) -> Result<ExitCode, Failure> {
    let mut asking = Asking::connect(context, &[]).await?;
    let pod = asking.only_primary(context).await?;
    let cluster = asking.cluster().clone();
    let change = RunStatement {
        kube: &asking.kube,
        cluster: asking.found(),
        facts: StatementFacts {
            pod,
            database: args.database.name.clone(),
            sql: sql.to_owned(),
            cluster: cluster.name.clone(),
            not_taken: None,
            sqlstate: None,
        },
        limits,
        running: RunningStatements::default(),
        answer: OnceLock::new(),
    };
    let (kube, how) = (&asking.kube, &args.change);
    let ended = small_change::run(context, how, "query", kube, &cluster, &change).await;
    if matches!(&ended, Err(failure) if failure.exit == ExitCode::Interrupted) {
        let running = &change.running;
        running.cancel(CANCELLING).await;
    }
    if let Some(answer) = change.answer.get()
        && let Some(cut) = answer.cut
    {
        let line = cut_words(cut, answer.rows.len(), limits.bytes);
        let text = context.stderr().wrap(&plain(&line), 2);
        context.telling.say(&format!("{text}\n"));
    }
    ended
}

struct RunStatement<'a> {
    kube: &'a Kube,
    cluster: &'a AskedCluster,
    facts: StatementFacts,
    limits: QueryLimits,
    running: RunningStatements,
    /// Once it is done.
    answer: OnceLock<QueryAnswer>,
}

impl RunStatement<'_> {
    async fn open(&self) -> Result<OpenPod<'_>, OpenError> {
        self.cluster.open(self.kube, &self.facts.pod).await
    }

    /// Why it can't be proposed.
    fn cannot_ask(&self, error: OpenError) -> Failure {
        let no_database =
            matches!(&error, OpenError::Sql(error) if error.sqlstate() == Some("3D000"));
        let mut failure = cannot_propose(&self.facts.pod, error);
        if no_database {
            failure.next = vec!["pgctl databases".to_owned()];
        }
        failure
    }

    /// Asks how a transaction ended, of whose end nothing was heard; none when nobody says.
    async fn committed(&self, transaction: &str) -> Option<bool> {
        let deadline = tokio::time::Instant::now() + LOOKING;
        while tokio::time::Instant::now() < deadline {
            let asking = async {
                let open = self.open().await?;
                Ok::<_, OpenError>(open.session.was_committed(transaction).await?)
            };
            if let Ok(Some(ended)) = asking.await {
                return Some(ended);
            }
            tokio::time::sleep(POLL).await;
        }
        None
    }
}

impl SmallChange for RunStatement<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let asking = async {
            let open = self.open().await?;
            let own = session_in(&open, &self.facts.database).await?;
            let session = own.as_ref().unwrap_or(&open.session);
            let not_taken = session.not_taken(&self.facts.sql, self.limits).await?;
            Ok::<_, OpenError>((open.role, not_taken))
        };
        let (role, not_taken) = asking.await.map_err(|error| self.cannot_ask(error))?;
        if role != Role::Primary {
            let what = "it is not the primary any more; nothing was changed";
            return Err(Failure::new(ExitCode::Refused, what)
                .on(plain(&self.facts.pod))
                .next("pgctl status"));
        }
        let facts = StatementFacts {
            sqlstate: not_taken
                .as_ref()
                .and_then(|it| it.sqlstate().map(str::to_owned)),
            not_taken: not_taken.map(|it| it.to_string()),
            ..self.facts.clone()
        };
        Ok(propose_statement(&facts, around.unfinished.as_ref()))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let open = self.open().await?;
        let own = session_in(&open, &self.facts.database).await?;
        let session = own.as_ref().unwrap_or(&open.session);
        let written = Written::default();
        self.running.begin(&open, session);
        let ended = session
            .query_writing(&self.facts.sql, self.limits, &written)
            .await;
        self.running.end(&open);
        let error = match ended {
            Ok(answer) => {
                self.answer.set(answer).ok();
                return Ok(());
            }
            Err(error) => error,
        };
        let reason = error.to_string();
        let Some(transaction) = written.transaction() else {
            return Err(match (written.is_alone(), error.outcome_unknown()) {
                (true, _) => NotDone::Unknown(format!(
                    "{reason}; it ran in no transaction, so parts of it may be done"
                )),
                // A transaction whose client is gone before the commit is rolled back.
                (false, true) => NotDone::NothingChanged(format!("{reason}; it is rolled back")),
                (false, false) => NotDone::NothingChanged(reason),
            });
        };
        match self.committed(transaction).await {
            Some(true) => {
                self.answer.set(QueryAnswer::default()).ok();
                Ok(())
            }
            Some(false) => Err(NotDone::NothingChanged(format!(
                "{reason}; it was rolled back"
            ))),
            None => Err(NotDone::Unknown(format!(
                "{reason}; select pg_xact_status('{transaction}') says how it ended"
            ))),
        }
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        // The server has said that it is committed, or was asked.
        Ok(self.answer.get().is_some())
    }

    fn answer(&self) -> Option<&QueryAnswer> {
        self.answer.get()
    }
}
