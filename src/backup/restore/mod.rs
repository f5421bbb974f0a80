//! Reading a backup back: its tables of contents, the statements of its roles, and the way of an
//! archive into a pod.

mod contents;
mod globals;
mod load_error;
mod sql_text;
mod upload;
mod volume;

pub use contents::{
    DatabaseContents, GRANT_TO_STANDBYS, database_contents, globals_text, opens, table_of_contents,
};
pub use globals::{Grantors, RoleStatement, changes_to_roles, roles_in, statements_for_roles};
pub use load_error::{table_of_rows, without_secrets};
pub use upload::{Upload, UploadError, Uploaded, upload};
pub use volume::VOLUME_SCRIPT;
