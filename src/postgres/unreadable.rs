//! Answers that are not UTF-8: how they are noticed, and which may be asked for in another way.

use tokio_postgres::error::SqlState;

use super::SqlError;

/// Whether an answer could not be sent, or read, because it is not UTF-8: nothing was changed.
pub(super) fn is_unreadable(error: &SqlError) -> bool {
    let states = [
        &SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        &SqlState::UNTRANSLATABLE_CHARACTER,
    ];
    let state = error.sqlstate();
    states.iter().any(|it| state == Some(it.code()))
}

/// Whether it only asks: then it can be asked again in another way.
pub(super) fn only_asks(sql: &str) -> bool {
    let sql = sql.trim_start();
    sql.starts_with("select") || sql.starts_with("with")
}
