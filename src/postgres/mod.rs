//! The adapter to PostgreSQL: one connection over a stream that somebody else opened, what the
//! server says of itself, and the few changes that guided operations make.

mod activity;
mod config;
mod connections;
mod conninfo;
mod control;
mod disk;
mod doctor;
mod doctor_sql;
mod error;
mod facts;
mod files;
mod first_bytes;
mod inventory;
mod json;
mod measured;
mod operation;
mod query;
mod readable;
mod report;
mod restore_test;
mod rows;
mod scram;
mod session;
mod slots;
mod sql;
mod standby_log;
mod statements;
mod target;
mod tool_options;
mod top;
mod unlogged;
mod unreadable;
mod walsender;

pub use crate::cluster::{quote_identifier, quote_literal};
pub use control::ReplayPosition;
pub use error::SqlError;
pub use inventory::{DatabaseRow, Inventory, LockWait, ServerStart};
pub use query::{QueryLimits, StatementCancel, Written};
pub use rows::Rows;
pub use session::{Login, Rights, Session};
pub use standby_log::{Complaint, complaint, last_words};
pub use target::{FailedStatement, Target, TargetDatabase};
pub use tool_options::tool_options;
pub use walsender::log_in_for_replication;
