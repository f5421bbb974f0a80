//! A Deployment that gets another number in the middle of a rollout, or while it is paused: its sets share it
//! (`scale` in pkg/controller/deployment/sync.go).

use super::rollout::{DESIRED, MOST, Rollout, available, noted, replicas};

/// Whether a set was last scaled for another number than the Deployment has now.
pub(super) fn is_due(rollout: &Rollout<'_>) -> bool {
    let mut active = rollout.sets.iter().filter(|set| replicas(set) > 0);
    active.any(|set| noted(set, DESIRED).is_some_and(|desired| desired != rollout.wanted))
}

pub(super) fn scale(rollout: &mut Rollout<'_>) {
    let active: Vec<usize> = (0..rollout.sets.len())
        .filter(|index| replicas(&rollout.sets[*index]) > 0)
        .collect();
    match active.as_slice() {
        [] => {
            let latest = rollout.new.or(rollout.old().last().copied());
            if let Some(index) = latest {
                rollout.scale(index, rollout.wanted);
            }
        }
        [only] => rollout.scale(*only, rollout.wanted),
        _ if saturated(rollout) => {
            for index in rollout.old() {
                if replicas(&rollout.sets[index]) > 0 {
                    rollout.scale(index, 0);
                }
            }
        }
        several if rollout.rolling => share(rollout, several),
        _ => {}
    }
}

/// Whether the new set has all that is wanted.
fn saturated(rollout: &Rollout<'_>) -> bool {
    let new = rollout.new.and_then(|new| rollout.sets.get(new));
    new.is_some_and(|set| {
        replicas(set) == rollout.wanted
            && noted(set, DESIRED) == Some(rollout.wanted)
            && available(set) == rollout.wanted
    })
}

fn share(rollout: &mut Rollout<'_>, active: &[usize]) {
    let allowed = if rollout.wanted > 0 {
        rollout.wanted + rollout.surge
    } else {
        0
    };
    let mut to_add = allowed - rollout.replicas();
    let mut order = active.to_vec();
    // The larger first; of two alike the newer grows first, and the older shrinks first.
    order.sort_by_key(|index| {
        let age = i64::try_from(*index).unwrap_or(i64::MAX);
        let age = if to_add > 0 { -age } else { age };
        (-replicas(&rollout.sets[*index]), age)
    });
    let mut changes = Vec::new();
    for index in &order {
        let fair = fair_change(rollout, *index, allowed);
        let change = if to_add > 0 {
            fair.clamp(0, to_add)
        } else {
            fair.clamp(to_add, 0)
        };
        to_add -= change;
        changes.push(change);
    }
    // What rounding leaves goes to the largest.
    if let Some(first) = changes.first_mut() {
        *first += to_add;
    }
    for (index, change) in order.iter().zip(changes) {
        let has = replicas(&rollout.sets[*index]);
        rollout.scale(*index, (has + change).max(0));
    }
}

/// How many pods more (or less) a set has when it keeps its share of all.
fn fair_change(rollout: &Rollout<'_>, index: usize, allowed: i32) -> i32 {
    let set = &rollout.sets[index];
    let has = replicas(set);
    let before = noted(set, MOST).unwrap_or(has.max(1)).max(1);
    let fair = (f64::from(has) * f64::from(allowed) / f64::from(before)).round();
    #[expect(clippy::cast_possible_truncation, reason = "a share of an i32 is one")]
    let change = fair as i32 - has;
    change
}
