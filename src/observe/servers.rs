//! What `pgctl doctor` asks of servers: of each what each has for itself, of one what is the same on all.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;

use super::asking::{to_be_asked, within};
use super::builder::Observed;
use super::open::{OpenError, OpenPod, login, open, open_database};
use super::unlogged::{DATABASES_AT_ONCE, unlogged_tables_in};
use crate::cluster::{Instance, NoAnswer, Role};
use crate::doctor::{
    DatabaseAnswer, Known, PasswordFacts, ServerAnswer, ServerContents, ServerSeen,
};
use crate::kubernetes::Kube;
use crate::plan::UnloggedTables;
use crate::postgres::{Login, Session, SqlError, StoredPasswords};

/// Databases that are asked of a server, the largest first.
const MOST_DATABASES: usize = 30;
/// The database that a session is in when nothing else is said.
const OWN_DATABASE: &str = "postgres";

/// What the servers of a cluster say.
pub(super) struct ExaminedServers {
    /// Each for itself, in the order of the pods.
    pub(super) servers: Vec<ServerSeen>,
    /// Of the roles' passwords.
    pub(super) passwords: Known<PasswordFacts>,
    /// Of unlogged tables, by database.
    pub(super) unlogged: Known<Vec<UnloggedTables>>,
}

/// What one server has said.
pub(super) struct Said {
    pod: String,
    answer: Known<ServerAnswer>,
    databases: BTreeMap<String, Known<DatabaseAnswer>>,
    /// Only of a primary.
    common: Option<Common>,
}

impl Said {
    /// Of one that was not asked, or has not answered.
    pub(super) fn nothing(pod: &str, why: String) -> Self {
        Self {
            pod: pod.to_owned(),
            answer: Err(why),
            databases: BTreeMap::new(),
            common: None,
        }
    }
}

/// What is the same on every server.
struct Common {
    passwords: Known<StoredPasswords>,
    /// The databases that have unlogged tables.
    unlogged: Known<Vec<String>>,
}

/// Asks every server of a cluster that was looked at before, all at once.
pub(super) async fn each_server(kube: &Kube, observed: &Observed) -> Vec<Said> {
    let namespace = &observed.snapshot.cluster.namespace;
    let asked = to_be_asked(kube, observed).map(async |(instance, login)| {
        let opened: Result<OpenPod<'_>, String> = match login {
            Err(why) => Err(why),
            Ok(login) => {
                let opening = opened(kube, namespace, instance, &login);
                let opened = within(login.timeout, opening).await;
                opened.map_err(|why| why.to_string())
            }
        };
        match opened {
            Ok(open) => examine(open).await,
            Err(why) => Said::nothing(instance.name(), why),
        }
    });
    join_all(asked).await
}

async fn opened<'a>(
    kube: &'a Kube,
    namespace: &'a str,
    instance: &'a Instance,
    login: &Login,
) -> Result<OpenPod<'a>, OpenError> {
    Ok(OpenPod {
        pod: &instance.pod,
        role: instance.role(),
        session: open(kube, namespace, instance.name(), login).await?,
        kube,
        namespace,
        login: login.clone(),
    })
}

/// Asks one server, by the session that there is and, for the other databases of a primary, some more.
pub(super) async fn examine(open: OpenPod<'_>) -> Said {
    let (limit, pod) = (open.login.timeout, &open.pod.name);
    if open.role == Role::Standby {
        let asking = async { Ok(open.session.examine_server().await?) };
        return match within(limit, asking).await {
            Ok(answer) => Said {
                answer: Ok(answer),
                ..Said::nothing(pod, String::new())
            },
            Err(why) => Said::nothing(pod, why.to_string()),
        };
    }
    // What else there is to log in to is asked first: that takes longer than the rest.
    let elsewhere = async {
        let asking = async { Ok(open.session.examine_server_contents().await?) };
        let contents = within(limit, asking).await?;
        let databases = other_databases(&open, &contents).await;
        Ok::<_, NoAnswer>((contents, databases))
    };
    let server = async { Ok(open.session.examine_server().await?) };
    let own = async { Ok(examine_database(&open.session).await?) };
    let (elsewhere, server, common, own) = futures::join!(
        elsewhere,
        within(limit, server),
        common(&open.session, limit),
        within(limit, own),
    );
    let (mut answer, contents, mut databases) = match (server, elsewhere) {
        (Ok(answer), Ok((contents, databases))) => (answer, contents, databases),
        (Err(why), _) | (_, Err(why)) => return Said::nothing(pod, why.to_string()),
    };
    if contents.databases.iter().any(|name| name == OWN_DATABASE) {
        let own = own.map_err(|why| why.to_string());
        databases.insert(OWN_DATABASE.to_owned(), own);
    }
    answer.contents = Some(contents);
    Said {
        pod: pod.clone(),
        answer: Ok(answer),
        databases,
        common: Some(common),
    }
}

/// What the largest databases of a primary say, but for the one that the session is in.
async fn other_databases(
    open: &OpenPod<'_>,
    contents: &ServerContents,
) -> BTreeMap<String, Known<DatabaseAnswer>> {
    let (limit, pod) = (open.login.timeout, &open.pod.name);
    let names = contents.databases.iter().take(MOST_DATABASES);
    let names = names.filter(|name| *name != OWN_DATABASE).cloned();
    futures::stream::iter(names)
        .map(async |name| {
            let asking = async {
                let opening = in_database(open.kube, open.namespace, pod, &open.login, &name);
                Ok(examine_database(&opening.await?).await?)
            };
            let answer = within(limit, asking).await;
            (name, answer.map_err(|why| why.to_string()))
        })
        .buffer_unordered(DATABASES_AT_ONCE)
        .collect()
        .await
}

async fn common(session: &Session, limit: Duration) -> Common {
    let passwords = async { Ok(session.stored_passwords().await?) };
    let unlogged = async { Ok(session.databases_with_unlogged().await?) };
    let (passwords, unlogged) = futures::join!(within(limit, passwords), within(limit, unlogged));
    Common {
        passwords: passwords.map_err(|why| why.to_string()),
        unlogged: unlogged.map_err(|why| why.to_string()),
    }
}

async fn examine_database(session: &Session) -> Result<DatabaseAnswer, SqlError> {
    let (usage, contents) = futures::join!(session.examine_usage(), session.examine_contents());
    Ok(DatabaseAnswer {
        usage: usage?,
        contents: Some(contents?),
    })
}

/// A session in a database of a pod.
async fn in_database(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    name: &str,
) -> Result<Session, OpenError> {
    match open_database(kube, namespace, pod, login, name).await {
        Err(OpenError::Sql(SqlError::NotLetIn { .. })) if name.contains("\\x") => {
            Err(OpenError::Sql(SqlError::Unexpected {
                doing: format!("connecting to {name}"),
                reason: "its name is not UTF-8, so pgctl can't log in to it".to_owned(),
            }))
        }
        other => other,
    }
}

/// Asks what is left to ask once it is known who is the primary: what is the same on all of a standby, where there is no
/// primary; and where an index is unused on the primary, whether it is on the others, too.
pub(super) async fn settled(
    kube: &Kube,
    observed: &Observed,
    mut said: Vec<Said>,
) -> ExaminedServers {
    let primary = observed.snapshot.primary().map(Instance::name);
    let known = said.iter_mut().filter_map(|it| {
        let common = it.common.take()?;
        Some((it.pod.clone(), common))
    });
    let mut known: Vec<(String, Common)> = known.collect();
    // Of several primaries any will do: that there are several is a finding of its own.
    known.sort_by_key(|(pod, _)| Some(pod.as_str()) != primary);
    let answering = said.iter().filter(|it| it.answer.is_ok());
    let answering: Vec<&str> = answering.map(|it| it.pod.as_str()).collect();
    let ((passwords, unlogged), used) = futures::join!(
        judged(kube, observed, known.into_iter().next(), &answering),
        usage_elsewhere(kube, observed, &said),
    );
    for (said, used) in said.iter_mut().zip(used) {
        said.databases.extend(used);
    }
    let servers = said.into_iter().map(|it| ServerSeen {
        pod: it.pod,
        answer: it.answer,
        databases: it.databases,
    });
    ExaminedServers {
        servers: servers.collect(),
        passwords,
        unlogged,
    }
}

async fn judged(
    kube: &Kube,
    observed: &Observed,
    known: Option<(String, Common)>,
    answering: &[&str],
) -> (Known<PasswordFacts>, Known<Vec<UnloggedTables>>) {
    let asked = match known {
        Some(known) => Ok(known),
        None => first_common(kube, observed, answering).await,
    };
    let (pod, common) = match asked {
        Ok(asked) => asked,
        Err(why) => return (Err(why.clone()), Err(why)),
    };
    let unlogged = match (common.unlogged, observed.snapshot.instance(&pod)) {
        (Err(why), _) => Err(why),
        (Ok(databases), Some(server)) => {
            let tables = unlogged_tables_in(kube, observed, server, databases).await;
            tables.ok_or_else(|| "no server says which tables are unlogged".to_owned())
        }
        (Ok(_), None) => Err(format!("{pod} is gone")),
    };
    (common.passwords.map(|it| it.judged()), unlogged)
}

/// What is the same on all, of the first of these servers that says it.
async fn first_common(
    kube: &Kube,
    observed: &Observed,
    answering: &[&str],
) -> Known<(String, Common)> {
    let login = login_to(kube, observed)?;
    let namespace = &observed.snapshot.cluster.namespace;
    let mut why = "no server answers".to_owned();
    for pod in answering {
        let opening = open(kube, namespace, pod, &login);
        match within(login.timeout, opening).await {
            Ok(session) => return Ok(((*pod).to_owned(), common(&session, login.timeout).await)),
            Err(no_answer) => why = no_answer.to_string(),
        }
    }
    Err(why)
}

/// How the databases in which the primary does not use an index are used on the other servers, in the order of what was
/// said. Where it uses all, nobody is asked.
async fn usage_elsewhere(
    kube: &Kube,
    observed: &Observed,
    said: &[Said],
) -> Vec<BTreeMap<String, Known<DatabaseAnswer>>> {
    let primary = observed.snapshot.primary().map(Instance::name);
    let is_primary = |it: &Said| Some(it.pod.as_str()) == primary;
    let names = said.iter().filter(|it| is_primary(it));
    let names = names.flat_map(|it| &it.databases);
    let names: Vec<&String> = names
        .filter(|(_, answer)| {
            let answer = answer.as_ref();
            answer.is_ok_and(|it| !it.usage.unused_indexes.is_empty())
        })
        .map(|(name, _)| name)
        .collect();
    let login = login_to(kube, observed);
    let namespace = &observed.snapshot.cluster.namespace;
    join_all(said.iter().map(async |said| {
        let asked = match is_primary(said) || said.answer.is_err() {
            true => &[],
            false => names.as_slice(),
        };
        let asked = futures::stream::iter(asked).map(async |name| {
            let answer = match &login {
                Ok(login) => usage(kube, namespace, &said.pod, login, name).await,
                Err(why) => Err(why.clone()),
            };
            ((*name).clone(), answer)
        });
        asked.buffer_unordered(DATABASES_AT_ONCE).collect().await
    }))
    .await
}

async fn usage(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    name: &str,
) -> Known<DatabaseAnswer> {
    let asking = async {
        let session = in_database(kube, namespace, pod, login, name).await?;
        Ok(session.examine_usage().await?)
    };
    let usage = within(login.timeout, asking).await;
    let usage = usage.map_err(|why| why.to_string())?;
    Ok(DatabaseAnswer {
        usage,
        contents: None,
    })
}

fn login_to(kube: &Kube, observed: &Observed) -> Known<Login> {
    let credentials = observed.credentials.as_ref();
    let login = credentials.map(|it| login(it, kube.timeout()));
    login.ok_or_else(|| "the Secret could not be read".to_owned())
}
