//! The commands that look, and those around them, on a cluster that really replicates and really breaks: one
//! cluster for each module, with many checks in turn.

mod accounts;
mod agreement;
mod completion;
mod config_change;
mod contexts;
mod doctor;
mod encryption;
mod every_command;
mod fleet;
mod kubectl_plugin;
mod logs;
mod metrics;
mod monitoring;
#[path = "../support/needs.rs"]
mod needs;
mod one_field;
mod pooler;
mod port_forward;
mod queries;
mod query;
mod report;
mod runbooks;
mod screens;
mod settings;
mod several_primaries;
mod slots;
mod strange_names;
#[path = "../support/mod.rs"]
mod support;
mod terminals;
#[path = "../support/test_cluster/mod.rs"]
mod test_cluster;
mod top;
mod users;
mod versions;
mod watching;
