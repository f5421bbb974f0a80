//! What planners of several kinds of operation share.

mod base_backups;
mod git_ops;
mod next_start;
mod operation_checks;
mod primary;
mod selector;
mod sizes;
mod slots_left;
mod steps;
mod synchronous;
mod volumes;

pub(super) use base_backups::running_backups;
pub use git_ops::{applications, drift};
pub(super) use next_start::{
    changeable, files_check, new_standby_checks, recovery_settings, room_for_copy, standby_login,
};
pub(super) use operation_checks::operation_checks;
pub(super) use primary::{one_primary, one_primary_or_none, start_script};
pub use selector::{CLOSED_BY, COMPONENT_LABEL, ORIGINAL_SELECTOR, POD_NAME_LABEL};
pub(super) use selector::{closed_selector, remembered_selector, replicas_alone, write_selector};
pub(super) use sizes::sizes;
pub(super) use slots_left::drop_slots_left;
pub(super) use steps::{
    drop_slots, give_back_minimum, pod_slots, release_records, remembered_minimum, settle_proofs,
    spread_reads,
};
pub(super) use synchronous::{confirm_by, wanted_synchronous};
pub(super) use volumes::volumes_go;
