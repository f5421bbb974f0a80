//! `pgctl wal list`.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::backup::store;
use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::archives::look;
use crate::backup::store::Store;
use crate::cli::WalListArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{ArchiveView, Screen, WalArchiveListDocument, wal_archives_screen};

pub(super) async fn run(context: &Context, args: &WalListArgs) -> Result<ExitCode, Failure> {
    let store = store::open(&args.store)?;
    looking::once(context, List { store }).await
}

/// The archives of a store.
struct List {
    store: Arc<dyn Store>,
}

impl Looking for List {
    type Seen = Vec<ArchiveView>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let seen = look(context, &self.store).await?;
        Ok(seen.into_iter().map(|it| it.view).collect())
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        WalArchiveListDocument::new(&self.store.location(), seen, Timestamp::now())
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        wal_archives_screen(seen, &self.store.location(), Timestamp::now(), screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        match seen.iter().all(ArchiveView::is_whole) {
            true => ExitCode::Done,
            false => ExitCode::Unhealthy,
        }
    }
}
