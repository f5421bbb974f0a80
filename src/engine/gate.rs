//! The confirmation gate: running a plan takes a token that only this file makes.

use crate::plan::{Operation, Plan};

/// Proof that somebody has agreed to a plan.
#[derive(Debug)]
pub struct Confirmed {
    _only_here: (),
}

impl Confirmed {
    /// By `--yes`.
    pub fn by_flag(yes: bool) -> Option<Self> {
        yes.then_some(Self { _only_here: () })
    }

    /// By typing: the cluster's name when something can't be undone, else `yes`. Nothing else
    /// agrees, and Enter alone never does.
    pub fn by_typing(plan: &Plan, typed: &str) -> Option<Self> {
        (typed.trim() == Self::wanted(plan)).then_some(Self { _only_here: () })
    }

    /// What has to be typed.
    pub fn wanted(plan: &Plan) -> &str {
        // A restore changes what the cluster holds: whoever agrees has to know which cluster it is.
        let restores = matches!(plan.operation, Operation::Restore(_));
        if restores || plan.point_of_no_return().is_some() {
            &plan.cluster.name
        } else {
            "yes"
        }
    }
}
