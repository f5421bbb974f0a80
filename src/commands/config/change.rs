//! `pgctl config set`, `unset` and `reload`.

use std::collections::BTreeSet;

use super::super::asking::Asking;
use super::super::context::Context;
use super::super::small_change;
use super::alter::{AlterSettings, Work};
use crate::change::SettingRequest;
use crate::cli::{ConfigReloadArgs, ConfigSetArgs, ConfigUnsetArgs, SmallChangeArgs};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::plain;

pub(super) async fn set(context: &Context, args: &ConfigSetArgs) -> Result<ExitCode, Failure> {
    let requests = args.assignments.iter().map(|(name, value)| SettingRequest {
        name: name.clone(),
        value: Some(value.clone()),
    });
    let work = Work::Alter {
        requests: once_each(requests)?,
        command: "set",
    };
    run(context, &args.pod, &args.change, "config set", work).await
}

pub(super) async fn unset(context: &Context, args: &ConfigUnsetArgs) -> Result<ExitCode, Failure> {
    let requests = args.names.iter().map(|name| SettingRequest {
        name: name.clone(),
        value: None,
    });
    let work = Work::Alter {
        requests: once_each(requests)?,
        command: "unset",
    };
    run(context, &args.pod, &args.change, "config unset", work).await
}

pub(super) async fn reload(
    context: &Context,
    args: &ConfigReloadArgs,
) -> Result<ExitCode, Failure> {
    run(
        context,
        &args.pods,
        &args.change,
        "config reload",
        Work::Reload,
    )
    .await
}

/// A setting that is given twice has two values.
fn once_each(
    requests: impl Iterator<Item = SettingRequest>,
) -> Result<Vec<SettingRequest>, Failure> {
    let mut names = BTreeSet::new();
    requests
        .map(|request| match names.insert(request.name.to_lowercase()) {
            true => Ok(request),
            false => {
                let what = format!("{} is given twice", request.name);
                Err(Failure::new(ExitCode::Usage, plain(&what))
                    .next("pgctl config set work_mem=8MB"))
            }
        })
        .collect()
}

async fn run(
    context: &Context,
    pods: &[String],
    how: &SmallChangeArgs,
    command: &str,
    work: Work,
) -> Result<ExitCode, Failure> {
    let asking = Asking::connect(context, &[]).await?;
    let cluster = asking.cluster().clone();
    let chosen = asking.found().choose(pods)?;
    let kube = &asking.kube;
    let change = AlterSettings::new(context, kube, asking.found(), chosen, work);
    small_change::run(context, how, command, kube, &cluster, &change).await
}
