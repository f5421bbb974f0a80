//! Small changes: one statement on one server, done in a moment and proven by looking. No plan, no way
//! back, no lock. What is proposed, what speaks for and against it, and what is kept of it.

mod account;
mod backend_end;
mod password;
mod pooler;
mod pooler_order;
mod proposal;
mod record;
mod setting;
mod slot_drop;
mod statement;
mod table_copy;
mod template;

pub use account::{
    AccountAccess, AccountDropRequest, AccountFacts, AccountLeft, AccountRequest, DatabaseFound,
    RoleFound, SecretFound, account_secret, bad_account_name, propose_account,
    propose_account_drop,
};
pub use backend_end::{BackendEnd, propose_backend_end};
pub use password::{
    PasswordFacts, PasswordGround, PasswordOwner, PasswordStep, PasswordWay, PodPassword,
    StoredPassword, next_password_step, propose_password_change,
};
pub use pooler::{
    PoolerDatabase, PoolerFacts, PoolerRole, PoolerSecret, is_set_up, propose_pooler_setup,
};
pub use pooler_order::{PoolerOrder, paused_since, propose_pooler_order};
pub use proposal::{ChangeCheck, ChangeProposal};
pub use record::{ChangeOutcome, ChangeRecord};
pub use setting::{
    PlannedSetting, SettingEffect, SettingGround, SettingPlan, SettingRequest, SettingResult,
    SettingStep, plan_reload, plan_settings, setting_effects,
};
pub use slot_drop::{NoSlot, SlotDropRequest, find_slot, propose_slot_drop};
pub use statement::{StatementFacts, StatementOutline, propose_statement};
pub use table_copy::{
    TableColumn, TableCopyRequest, TableFacts, TableName, TableTarget, propose_table_copy,
};
pub use template::{
    FormerTemplate, ServerVersion, UpgradeRequest, going_back, image_of, of_another_version,
    propose_undo, propose_upgrade, upgraded,
};
