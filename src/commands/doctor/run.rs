//! One cluster, or many.

use super::judge::Judge;
use super::many::ManyClusters;
use super::one::OneCluster;
use crate::cli::DoctorArgs;
use crate::commands::context::Context;
use crate::commands::fleet::Fleet;
use crate::commands::looking;
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in crate::commands) async fn run(
    context: &Context,
    args: &DoctorArgs,
) -> Result<ExitCode, Failure> {
    let judge = Judge::new(args)?;
    if args.fleet.several() {
        let fleet = Fleet::new(context, "pgctl doctor -A --contexts all", &args.fleet).await?;
        let many = ManyClusters { fleet, judge };
        return looking::run(context, &args.watch, many).await;
    }
    let one = OneCluster {
        kube: context.connect().await?,
        judge,
        verbose: context.verbose,
    };
    looking::run(context, &args.watch, one).await
}
