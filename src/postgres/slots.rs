//! Dropping one slot that a person has named.

use super::{Session, SqlError, quote_literal};
use crate::cluster::SlotKind;

impl Session {
    /// Drops a slot, if there is still one of this name and kind. Whether there was.
    ///
    /// # Errors
    /// When somebody uses it (SQLSTATE 55006), or the server does not answer.
    pub async fn drop_slot(&self, name: &str, kind: &SlotKind) -> Result<bool, SqlError> {
        let kind = match kind {
            SlotKind::Physical => "slot_type = 'physical'".to_owned(),
            SlotKind::Logical {
                database, plugin, ..
            } => format!(
                "slot_type = 'logical' and database = {} and plugin = {}",
                quote_literal(database),
                quote_literal(plugin)
            ),
        };
        let sql = format!(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
             where slot_name = {} and {kind}",
            quote_literal(name)
        );
        let row = self
            .text(&format!("dropping the slot {name}"), &sql)
            .await?;
        Ok(row.is_some())
    }

    /// Whether there is a slot of this name.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_slot(&self, name: &str) -> Result<bool, SqlError> {
        let sql = format!(
            "select exists (select from pg_replication_slots where slot_name = {})::text",
            quote_literal(name)
        );
        self.truth("looking for the slot", &sql).await
    }
}
