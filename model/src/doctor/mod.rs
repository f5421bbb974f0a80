//! What a doctor would look at: facts in, findings out, each with a stable code (`docs/checks.md`).

mod autoscaler;
mod check;
mod configuration;
mod data;
mod examine;
mod facts;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod git_ops;
mod health;
mod indexes;
mod known;
mod objects;
mod protection;
mod remedy;
mod result;
mod rights;
mod security;
mod servers;
#[cfg(test)]
mod tests;
mod throw_away;
mod vacuum;

pub use check::{Check, CheckCode, Group};
pub use examine::examine;
pub use facts::{
    Access, ArchiveSeen, AutovacuumTable, BackupSeen, ChecksumFailures, ClientFacts,
    CollationFacts, DatabaseAge, DatabaseAnswer, DatabaseContents, DatabaseUsage, DoctorFacts,
    HbaLine, IndexName, IndexUse, PasswordFacts, SecretFacts, SequenceUse, ServerAnswer,
    ServerContents, ServerSeen, SettingValue,
};
pub use known::Known;
pub use objects::{
    AppliedSeen, Budget, Difference, Differing, NodePlace, ObjectsSeen, PodSecurity, PolicyFacts,
};
pub use result::{CheckResult, Examination, Outcome};
