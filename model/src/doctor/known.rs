//! What is known, and what is not.

/// A fact, or why nobody knows it.
pub type Known<T> = Result<T, String>;
