//! What a cluster is: facts and pure decisions about them.
//!
//! Nothing here knows Kubernetes clients, SQL, async or the command line. The adapters fill a
//! [`Snapshot`]; everything that decides (health, planning) reads it and nothing else.

mod accounts;
mod activity;
mod autoscaler;
mod autoscaler_words;
mod config;
mod connections;
mod database;
mod disk;
mod files;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod git_ops;
mod health;
mod instance;
mod lag;
mod lsn;
mod name;
pub mod names;
mod next_start;
mod not_visible;
mod pod;
mod pod_answer;
mod pooler;
mod query_answer;
mod quote;
mod route;
mod server_certificate;
mod service;
mod signs_of_life;
mod slots;
mod snapshot;
mod standby_login;
mod start_reason;
mod stateful_set;
mod statements;
pub mod suggestion;
mod synchronous;
mod throw_away;
mod throw_away_facts;
mod top;
mod topology;
mod tune;
mod two_looks;
mod unfinished;
mod volume;
pub mod words;

pub use accounts::{
    ClusterWide, DatabaseEntry, PasswordKind, RoleEntry, cluster_wide, differing_collations,
};
pub use activity::{Activity, ActivityLine, Backend, PreparedTransaction, Which, Who};
pub use autoscaler::{Autoscaler, AutoscalerCondition, AutoscalerMetric};
pub use autoscaler_words::{condition_words, why_not_scaling};
pub use config::{
    ConfigDifference, DeployedConfig, DeployedSetting, DifferenceKind, FileEntry, NotAValue,
    RoleSetting, STANDBY_LIMITS, ServerConfig, Setting, SettingRow, SettingSelection,
    UnknownSetting, alter_system, amount_in_bytes, config_differences, deployed_setting, in_unit,
    list_elements, not_a_value, same_value, setting_place, setting_rows, shown_value, with_unit,
};
pub use connections::{
    ConnectionGroup, Connections, GroupBy, HolderKind, OldSession, SessionCount, XminHolder,
};
pub use database::{
    Archiver, BaseBackup, DataUsage, Database, DatabaseFacts, HeldUp, ReceiverFacts, RecoveryFacts,
    SenderFacts, Settings, SlotFacts, SlotKind, SyncState,
};
pub use disk::{
    DatabaseSpace, DiskGrowth, DiskUsage, Mount, NamedBytes, TableSpace, VolumeGrowth, disk_growth,
    parse_df,
};
pub use files::{FileFacts, FileMistake, PendingSetting, RecoverySetting};
pub use git_ops::{ArgoApplication, GitOps, IgnoredDifference};
pub use health::{
    FindingCode, Headline, Health, HealthFinding, HealthVerdict, InstanceState, Limits, ObjectRef,
    Severity, assess, instance_state,
};
pub use instance::{Instance, Role};
pub use lag::{
    Behind, CatchUp, LagCheck, LagLimit, LagRates, LagReport, LagStage, ParseLagLimitError,
    Reference, SlotLag, StandbyLag, StandbyRate, TimeLag, lag_rates, lag_report, sender_of,
};
pub use lsn::{Lsn, ParseLsnError, Timeline};
pub use name::{NameError, nearest, nearness, resolve_tail, slot_name, tail_of};
pub use names::{CLOSED_BY, PAUSED_BOUNDS};
pub use not_visible::{NotVisible, ObjectKind};
pub use pod::{ContainerState, PodFacts, StartDecision, TerminationRecord};
pub use pod_answer::{NoAnswer, PodAnswer, answered, primary_first, silent};
pub use pooler::{
    HandPause, Pool, PoolerAnswer, PoolerPod, PoolerPurpose, PoolerState, Poolers,
    databases_in_words, databases_left_paused,
};
pub use query_answer::{QueryAnswer, QueryColumn, QueryColumnKind, QueryCut};
pub use quote::{quote_identifier, quote_literal};
pub use route::{Destination, NoRoute, RoutedPod, must_leave, route};
pub use server_certificate::{
    PodEncryption, PresentedCertificate, RenewedCertificate, StoredCertificate,
};
pub use service::{ServiceEndpoint, ServiceFacts, ServicePurpose};
pub use signs_of_life::{SIGNS_FADE_SECONDS, SignOfLife, heard, may_be_running, signs_of_life};
pub use slots::{ServerSlots, SlotReport, SlotUse, slot_report};
pub use snapshot::{ClusterId, Snapshot, UnreadableJournal};
pub use standby_login::{ReplicationLogin, ReplicationRole};
pub use start_reason::StartReason;
pub use stateful_set::{Component, StatefulSetFacts, Unrequested, ordinal_of};
pub use statements::{StatementCount, StatementCounts, Statements};
pub use synchronous::{
    Shape, synchronous_candidates, synchronous_listed, synchronous_names, synchronous_needed,
};
pub use throw_away::{
    meant_throw_away, throw_away_claim, throw_away_name, throw_away_object, throw_away_pod,
};
pub use throw_away_facts::{ThrowAwayClaim, ThrowAwayFacts};
pub use top::{
    InstanceActivity, RunningStatement, Series, ServerCounters, ServerRates, TopBoard, TopSample,
    server_rates,
};
pub use topology::{Topology, TopologySource};
pub use tune::{TuneAdvice, TuneFacts, tune, tune_diff, tune_patch};
pub use unfinished::UnfinishedOperation;
pub use volume::VolumeFacts;
