//! `pgctl passwords rotate`.

use std::sync::Mutex;

use super::super::context::Context;
use super::super::small_change;
use super::given::given_password;
use super::look::{RoleKey, find};
use super::turn::Turn;
use crate::change::PasswordWay;
use crate::cli::PasswordRotateArgs;
use crate::cluster::names;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Credentials, CredentialsSource};
use crate::output::plain;

pub(super) async fn run(context: &Context, args: &PasswordRotateArgs) -> Result<ExitCode, Failure> {
    let given = match &args.password_file {
        Some(file) => Some(given_password(file)?),
        None => None,
    };
    let kube = context.connect().await?;
    let cluster = find(context, &kube).await?;
    let Some(source) = cluster.found.credentials.clone() else {
        let what = "the pod template names no Secret for POSTGRES_PASSWORD";
        return Err(Failure::new(ExitCode::Refused, what)
            .next("pgctl passwords rotate --all --secret NAME"));
    };
    let credentials = kube.credentials(&source).await?;
    let roles = chosen(args, &source, &credentials)?;
    let id = cluster.id().clone();
    let way = match args.abort {
        true => PasswordWay::Back,
        false => PasswordWay::On,
    };
    let change = Turn {
        context,
        kube: &kube,
        source,
        superuser: credentials.user,
        roles,
        way,
        given,
        wait: args.wait,
        left: Mutex::default(),
    };
    let command = "passwords rotate";
    small_change::run(context, &args.change, command, &kube, &id, &change).await
}

/// The roles that are meant.
fn chosen(
    args: &PasswordRotateArgs,
    source: &CredentialsSource,
    credentials: &Credentials,
) -> Result<Vec<RoleKey>, Failure> {
    let superuser = RoleKey {
        role: credentials.user.clone(),
        key: source.password_key.clone(),
    };
    let replication = source.replication_key.as_ref().map(|key| RoleKey {
        role: names::REPLICATION_ROLE.to_owned(),
        key: key.clone(),
    });
    let Some(which) = &args.which else {
        if !args.all {
            return Err(Failure::new(
                ExitCode::Usage,
                "which password is not said: superuser, replication, or --all for both",
            )
            .next("pgctl passwords rotate --all"));
        }
        return Ok(std::iter::once(superuser).chain(replication).collect());
    };
    if which == "superuser" || *which == superuser.role {
        return Ok(vec![superuser]);
    }
    if which == "replication" || which == names::REPLICATION_ROLE {
        let no_key = || {
            let what = format!(
                "the pod template names no key of the Secret {} for the password of {}",
                source.secret,
                names::REPLICATION_ROLE
            );
            Failure::new(ExitCode::Refused, plain(&what)).next("pgctl passwords rotate superuser")
        };
        return Ok(vec![replication.ok_or_else(no_key)?]);
    }
    let what = format!(
        "{which:?} is neither the superuser ({}) nor the role that standbys stream as ({}): no key of the Secret {} \
         has its password",
        superuser.role,
        names::REPLICATION_ROLE,
        source.secret
    );
    Err(Failure::new(ExitCode::Usage, plain(&what)).next("pgctl passwords rotate --all"))
}
