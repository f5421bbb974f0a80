//! What arrives, written to the store on a thread that may block.

use std::io::Write as _;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::TransferError;
use crate::backup::format::{Fingerprint, MeteredWriter, Recipient, Sealer};
use crate::backup::store::StoreWriter;

/// What goes to the thread that writes.
pub(super) enum Piece {
    Data(Bytes),
    /// Everything fits: the file may be finished.
    Complete,
}

/// Writes what comes, and finishes it when told so; none when not.
pub(super) fn store(
    writer: Box<dyn StoreWriter>,
    mut pieces: mpsc::Receiver<Piece>,
    recipients: &[Recipient],
) -> Result<Option<Fingerprint>, TransferError> {
    let mut sealer =
        Sealer::new(MeteredWriter::new(writer), recipients).map_err(TransferError::Write)?;
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Data(bytes) => sealer.write_all(&bytes).map_err(TransferError::Write)?,
            Piece::Complete => {
                let output = sealer.finish().map_err(TransferError::Write)?;
                let (writer, stored) = output.into_parts();
                writer.finish()?;
                return Ok(Some(stored));
            }
        }
    }
    Ok(None)
}
