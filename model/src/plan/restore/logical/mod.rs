//! A logical backup into the running primary: every database is loaded under a name of its own,
//! and all of them take their places in one transaction. What they replace is backed up when nobody
//! can write to it any more, and dropped last: until then everything can be put back.

mod proposal;
mod requirements;
mod safety_backup;
mod selection;
mod steps;
#[cfg(test)]
mod tests;

pub(super) use proposal::proposal;
