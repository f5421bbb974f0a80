//! What a restore has to know of the server that it restores into.

use std::time::Duration;

use futures::future::try_join_all;

use super::open::{OpenError, open, open_database};
use crate::cluster::names;
use crate::kubernetes::Kube;
use crate::plan::{DatabaseHere, TargetFacts};
use crate::postgres::Login;

/// Looks at the server in a pod: its databases and what is in them, roles, tablespaces, extensions.
///
/// # Errors
/// When it can't be asked.
pub async fn target_facts(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
) -> Result<TargetFacts, OpenError> {
    const LIMIT: Duration = Duration::from_secs(10);
    let session = open(kube, namespace, pod, login).await?;
    let target = session.target().await?;
    let databases = try_join_all(target.databases.into_iter().map(async |here| {
        // One that lets nobody in keeps what it may hold to itself: it counts as full.
        let has_content = if here.invalid {
            false
        } else if here.connects {
            let session = open_database(kube, namespace, pod, login, &here.name).await?;
            session.holds_data().await?
        } else {
            true
        };
        Ok::<_, OpenError>(DatabaseHere {
            name: here.name,
            size_bytes: here.size_bytes,
            sessions: here.sessions,
            has_content,
            connects: here.connects,
            invalid: here.invalid,
            logical_slots: here.logical_slots,
            prepared: here.prepared,
            subscriptions: here.subscriptions,
        })
    }))
    .await?;
    let machine = kube.run_command(namespace, pod, &["uname", "-m"], None, LIMIT);
    let architecture = match machine.await {
        Ok(output) if output.code == 0 => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        // It is looked at again before it matters.
        _ => String::new(),
    };
    Ok(TargetFacts {
        databases,
        roles: target.roles,
        secret_roles: vec![login.user.clone(), names::REPLICATION_ROLE.to_owned()],
        tablespaces: target.tablespaces,
        extensions: target.extensions,
        architecture,
    })
}
