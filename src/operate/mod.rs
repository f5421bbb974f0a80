//! What every guided operation does around its plan: finds out what it has to know, sees that what was
//! agreed to is still what would be planned, takes the lock, keeps the journal, and says how it ended.
//! Shows and asks nothing.

mod ending;
mod journal_failure;
mod replan;
mod requirements;
mod resume;
mod run;
mod small_change;

pub use ending::{Ran, outcome};
pub use replan::{Replanned, replan};
pub use requirements::{argo_applications, requirements};
pub use resume::{go_on, unfinished};
pub use run::{Target, Tell, run};
pub use small_change::{Around, Changed, NotDone, SmallChange, around, change};
