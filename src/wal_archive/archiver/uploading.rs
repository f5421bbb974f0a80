//! A folder of the spool, stored beside everything else.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::upload::Uploader;

/// Stores until it is dropped.
pub(super) struct Uploading {
    pub(super) uploader: Arc<Uploader>,
    task: JoinHandle<()>,
}

impl Uploading {
    /// Begins.
    pub(super) fn begin(uploader: Uploader) -> Self {
        let uploader = Arc::new(uploader);
        let task = tokio::spawn(Arc::clone(&uploader).run());
        Self { uploader, task }
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.task.abort();
    }
}
