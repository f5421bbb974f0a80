//! Somebody's own statement to a server, and to cancel it there when nobody waits for it any more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;

use super::open::{OpenError, OpenPod};
use crate::cluster::names;
use crate::cluster::{QueryAnswer, nearest};
use crate::kubernetes::Kube;
use crate::postgres::{QueryLimits, Session, SqlError, StatementCancel};

/// So many names of databases are told.
const MOST_NAMES: usize = 10;

/// The statements that may be running, and what cancels them.
#[derive(Default)]
pub struct RunningStatements(Mutex<Vec<RunningStatement>>);

struct RunningStatement {
    kube: Kube,
    namespace: String,
    pod: String,
    cancel: StatementCancel,
}

impl RunningStatement {
    fn is_of(&self, pod: &OpenPod<'_>) -> bool {
        self.pod == pod.pod.name
            && self.namespace == pod.namespace
            && self.kube.context() == pod.kube.context()
    }
}

impl RunningStatements {
    /// From now on this session of a pod may be running one.
    pub fn begin(&self, pod: &OpenPod<'_>, session: &Session) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(RunningStatement {
            kube: pod.kube.clone(),
            namespace: pod.namespace.to_owned(),
            pod: pod.pod.name.clone(),
            cancel: session.cancel(),
        });
    }

    /// It runs none any more.
    pub fn end(&self, pod: &OpenPod<'_>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|it| !it.is_of(pod));
    }

    /// Asks their servers to cancel them, for no longer than `limit`; gives the pods that were asked. One
    /// that can't be asked ends its statement by its own limit.
    pub async fn cancel(&self, limit: Duration) -> Vec<String> {
        let all = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *all)
        };
        let asked = join_all(all.into_iter().map(async |it| {
            let asking = async {
                let forward = it.kube.forward(&it.namespace, &it.pod, names::PORT);
                let forward = forward.await.ok()?;
                it.cancel.ask(forward.stream).await.ok()
            };
            let told = tokio::time::timeout(limit, asking).await;
            told.ok().flatten().map(|()| it.pod)
        }));
        asked.await.into_iter().flatten().collect()
    }
}

/// Asks a server a statement that can't write.
///
/// # Errors
/// When the server says no, does not answer, or has no such database.
pub async fn query_pod(
    pod: &OpenPod<'_>,
    database: &str,
    statement: &str,
    limits: QueryLimits,
    running: &RunningStatements,
) -> Result<QueryAnswer, OpenError> {
    let own = session_in(pod, database).await?;
    let session = own.as_ref().unwrap_or(&pod.session);
    running.begin(pod, session);
    let answer = session.query_read_only(statement, limits).await;
    running.end(pod);
    Ok(answer?)
}

/// A session in a database; none for `postgres`, where there is one.
///
/// # Errors
/// When there is no such database, with those that there are; or when it does not let us in.
pub async fn session_in(pod: &OpenPod<'_>, database: &str) -> Result<Option<Session>, OpenError> {
    if database == "postgres" {
        return Ok(None);
    }
    let error = match pod.database(database).await {
        Ok(session) => return Ok(Some(session)),
        Err(error) => error,
    };
    if let OpenError::Sql(SqlError::NotLetIn { .. }) = &error {
        let names = pod.session.open_database_names().await?;
        if !names.iter().any(|it| it == database) {
            let mut told = match nearest(database, names.iter().map(String::as_str)) {
                Some(nearest) => format!("; nearest is {nearest}; there are: "),
                None => "; there are: ".to_owned(),
            };
            let shown = names.iter().take(MOST_NAMES).map(String::as_str);
            told += &shown.collect::<Vec<_>>().join(", ");
            if names.len() > MOST_NAMES {
                told += ", ...";
            }
            return Err(OpenError::Sql(SqlError::Refused {
                doing: format!("opening the database {database}"),
                sqlstate: "3D000".to_owned(),
                message: format!("none of this name takes connections{told}"),
            }));
        }
    }
    Err(error)
}
