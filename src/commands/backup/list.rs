//! `pgctl backup list`.

use jiff::Timestamp;

use super::super::context::Context;
use super::store;
use crate::backup::catalogue::Catalogue;
use crate::cli::ListArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{BackupListDocument, backups_screen, encode};

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<ExitCode, Failure> {
    let store = store::open(&args.store)?;
    let catalogue = Catalogue::read(&store).await?;
    let location = store.location();
    let text = if context.format.is_document() {
        encode(
            &BackupListDocument::new(&location, &catalogue),
            context.format,
        )
    } else {
        backups_screen(&catalogue, &location, Timestamp::now(), &context.screen)
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}
