//! What runs now would also start anew.

use super::super::common::Situation;
use crate::cluster::Instance;
use crate::plan::common::{changeable, recovery_settings, standby_login};
use crate::plan::language::{Check, CheckVerdict, Mode};

/// Of a failover. When nothing takes writes they only warn: that is worse than what may come.
pub(crate) fn next_start_checks(
    situation: &Situation<'_>,
    target: Option<&Instance>,
) -> Vec<Check> {
    let verdict = match situation.mode {
        Mode::Switchover => CheckVerdict::Refuse,
        Mode::Emergency => CheckVerdict::Warn,
    };
    let servers: Vec<&Instance> = situation
        .snapshot
        .primary()
        .into_iter()
        .chain(target)
        .collect();
    vec![
        standby_login(&servers, verdict),
        changeable(&situation.snapshot.instances, verdict),
        recovery_settings(
            &situation.snapshot.cluster.namespace,
            &situation.snapshot.instances,
            verdict,
        ),
    ]
}
