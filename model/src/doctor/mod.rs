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
mod protection;
mod remedy;
mod result;
mod rights;
mod security;
mod servers;
#[cfg(test)]
mod tests;
mod vacuum;

pub use check::{Check, CheckCode, Group};
pub use examine::examine;
pub use facts::{
    Access, ArchiveSeen, AutovacuumTable, BackupSeen, Budget, ChecksumFailures, ClientFacts,
    CollationFacts, DatabaseAge, DatabaseAnswer, DatabaseContents, DatabaseUsage, Difference,
    DoctorFacts, HbaLine, IndexName, IndexUse, Known, NodePlace, ObjectsSeen, PasswordFacts,
    PodSecurity, PolicyFacts, SecretFacts, SequenceUse, ServerAnswer, ServerContents, ServerSeen,
    SettingValue,
};
pub use result::{CheckResult, Examination, Outcome};
