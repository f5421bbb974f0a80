//! A logical backup into the running primary: every database is loaded under a name of its own,
//! and all of them take their places in one transaction. What they replace is backed up when nobody
//! can write to it any more, and dropped last: until then everything can be put back.

mod choice;
mod draft;
mod needs;
mod replaced;
mod steps;
#[cfg(test)]
mod tests;

pub(super) use draft::draft;
