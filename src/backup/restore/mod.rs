//! Reading a backup back: its tables of contents, the statements of its roles, and the way of an
//! archive into a pod.

mod contents;
mod feed;
mod globals;
mod load_error;
mod sql_text;
mod volume;

pub use contents::{
    DatabaseContents, GRANT_TO_STANDBYS, database_contents, globals_text, opens, table_of_contents,
};
pub use feed::{Fed, Feed, FeedError, feed};
pub use globals::{Grantors, RoleStatement, changes_to_roles, roles_in, statements_for_roles};
pub use load_error::{place_in_dump, table_of_rows, without_secrets};
pub use sql_text::{Statement, rename_database, statements};
pub use volume::VOLUME_SCRIPT;
