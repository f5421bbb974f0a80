//! Every check, each by its own function.

use super::check::{Check, CheckCode};
use super::facts::DoctorFacts;
use super::result::{CheckResult, Examination, Finding, Outcome, cluster};
use super::{
    autoscaler, configuration, data, git_ops, health, indexes, protection, rights, security, vacuum,
};

/// Examines a cluster: all checks, or only those that are asked for. Pure: the same facts always get
/// the same answer.
pub fn examine(facts: &DoctorFacts, only: Option<&[CheckCode]>) -> Examination {
    let mut results: Vec<CheckResult> = Vec::new();
    let wanted = |code: &CheckCode| only.is_none_or(|only| only.contains(code));
    for code in CheckCode::all().filter(wanted) {
        let found = match code {
            CheckCode::Health(finding) => health::look(facts, finding),
            CheckCode::Own(check) => look(facts, check),
        };
        if found.is_empty() {
            let passed = match code {
                CheckCode::Health(_) => "not found",
                CheckCode::Own(check) => check.passed(),
            };
            results.push(CheckResult {
                code,
                outcome: Outcome::Passed,
                object: cluster(&facts.snapshot),
                what: passed.to_owned(),
                evidence: Vec::new(),
                next: Vec::new(),
            });
        }
        results.extend(found.into_iter().map(|it| it.under(code)));
    }
    // Within an outcome as the registry has them, which is by urgency.
    results.sort_by_key(|it| it.outcome);
    Examination {
        cluster: facts.snapshot.cluster.clone(),
        results,
    }
}

/// What a check finds; nothing when all is well.
fn look(facts: &DoctorFacts, check: Check) -> Vec<Finding> {
    match check {
        Check::NoDisruptionBudget => protection::no_disruption_budget(facts),
        Check::SharedNode => protection::shared_node(facts),
        Check::SharedZone => protection::shared_zone(facts),
        Check::AsynchronousOnly => protection::asynchronous_only(facts),
        Check::SingleStandby => protection::single_standby(facts),
        Check::BackupMissing => protection::backup_missing(facts),
        Check::BackupNotRestored => protection::backup_not_restored(facts),
        Check::WalUnlimited => protection::wal_unlimited(facts),
        Check::WalArchiveIncomplete => protection::wal_archive_incomplete(facts),
        Check::NoArchive => protection::no_archive(facts),
        Check::TransactionIdWraparound => vacuum::transaction_id_wraparound(facts),
        Check::MultixactWraparound => vacuum::multixact_wraparound(facts),
        Check::AutovacuumOff => vacuum::autovacuum_off(facts),
        Check::AutovacuumBehind => vacuum::autovacuum_behind(facts),
        Check::OldTransaction => vacuum::old_transaction(facts),
        Check::PreparedTransaction => vacuum::prepared_transaction(facts),
        Check::InvalidIndex => indexes::invalid_index(facts),
        Check::UnusedIndex => indexes::unused_index(facts),
        Check::CollationMismatch => data::collation_mismatch(facts),
        Check::ChecksumFailures => data::checksum_failures(facts),
        Check::ChecksumsOff => data::checksums_off(facts),
        Check::SequenceNearEnd => data::sequence_near_end(facts),
        Check::UnloggedTables => data::unlogged_tables(facts),
        Check::DurabilityOff => data::durability_off(facts),
        Check::WeakPassword => security::weak_password(facts),
        Check::SamePassword => security::same_password(facts),
        Check::PasswordIsName => security::password_is_name(facts),
        Check::Md5Password => security::md5_password(facts),
        Check::TrustLogin => security::trust_login(facts),
        Check::WeakLoginMethod => security::weak_login_method(facts),
        Check::TlsOff => security::tls_off(facts),
        Check::SuperuserApplication => security::superuser_application(facts),
        Check::NoNetworkPolicy => security::no_network_policy(facts),
        Check::PodSecurity => security::pod_security(facts),
        Check::PublicSchemaCreate => security::public_schema_create(facts),
        Check::MemorySettings => configuration::memory_settings(facts),
        Check::SettingsDiffer => configuration::settings_differ(facts),
        Check::VersionsDiffer => configuration::versions_differ(facts),
        Check::ArchitecturesDiffer => configuration::architectures_differ(facts),
        Check::AutoscalerNoRequests => autoscaler::no_requests(facts),
        Check::AutoscalerPaused => autoscaler::paused(facts),
        Check::GitOpsReverts => git_ops::reverts(facts),
        Check::DiffersFromApplied => git_ops::differs_from_applied(facts),
        Check::RightsToLook => rights::to_look(facts),
        Check::RightsToOperate => rights::to_operate(facts),
    }
}
