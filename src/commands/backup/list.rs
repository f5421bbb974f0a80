//! `pgctl backup list`.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::store;
use crate::backup::catalogue::Catalogue;
use crate::backup::store::Store;
use crate::cli::ListArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{BackupListDocument, Screen, backups_screen};

pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<ExitCode, Failure> {
    let store = store::open(&args.store)?;
    looking::once(context, List { store }).await
}

struct List {
    store: Arc<dyn Store>,
}

impl Looking for List {
    type Seen = Catalogue;

    async fn look(&mut self, _: &Context) -> Result<Catalogue, Failure> {
        Ok(Catalogue::read(&self.store).await?)
    }

    fn document(&self, catalogue: &Catalogue) -> impl serde::Serialize {
        BackupListDocument::new(&self.store.location(), catalogue)
    }

    fn screen(&self, catalogue: &Catalogue, screen: &Screen) -> String {
        backups_screen(catalogue, &self.store.location(), Timestamp::now(), screen)
    }
}
