//! Running a whole plan on the model.

use super::model::{Model, Server};
use crate::plan::language::{Condition, Known, OnFailure, Operation, Plan};

/// What happens between the steps without anybody asking for it.
pub trait Adversary {
    /// Called before each step, between the look at what it needs and its action, between that and
    /// its proof, and after the last.
    fn strike(&mut self, model: &mut Model);
}

impl<F: FnMut(&mut Model)> Adversary for F {
    fn strike(&mut self, model: &mut Model) {
        self(model);
    }
}

/// Runs a plan on the model, from its first step to its last.
///
/// # Errors
/// Every invariant that broke, and every step that could not be done.
pub fn simulate(
    plan: &Plan,
    model: &mut Model,
    adversary: &mut dyn Adversary,
) -> Result<(), Vec<String>> {
    model.split_brain_accepted = plan.accepts_split_brain();
    let mut known = Known::of(plan, &[]);
    for step in &plan.steps {
        adversary.strike(model);
        if let Some(missing) = step
            .requires
            .iter()
            .find(|needed| !model.holds(plan, needed, &known))
        {
            if let Condition::NotWritable { pod } | Condition::Unanswering { pod } = missing
                && model.writable() == [pod.as_str()]
                && model.violations.is_empty()
            {
                // The old primary is back, before anything was taken from it: no emergency.
                return Ok(());
            }
            if step.on_failure == OnFailure::Stop {
                model
                    .violations
                    .push(format!("{}: it does not hold that {missing}", step.name));
                break;
            }
            continue;
        }
        adversary.strike(model);
        let done = model.act(plan, &step.action);
        adversary.strike(model);
        let proven = model.holds(plan, &step.proves, &known);
        if proven {
            for finding in model.learn(plan, &step.proves, &known) {
                known.learn(&finding);
            }
        }
        if step.on_failure == OnFailure::Stop {
            if let Err(why) = done {
                model.violations.push(format!("{}: {why}", step.name));
                break;
            }
            if !proven {
                model
                    .violations
                    .push(format!("{}: it is not so that {}", step.name, step.proves));
                break;
            }
        }
    }
    adversary.strike(model);
    if let (Operation::Failover { to, .. }, true) = (&plan.operation, model.violations.is_empty())
        && !model.split_brain_accepted
    {
        if model.writable() != [to.as_str()] {
            let found = model.writable().join(", ");
            model
                .violations
                .push(format!("{to} was to be the only primary, and is: {found}"));
        }
        if model.write.as_ref() != Some(to) {
            model
                .violations
                .push(format!("the write Service does not lead to {to}"));
        }
        if model
            .pods
            .get(to)
            .is_none_or(|pod| pod.server != Server::Writable)
        {
            model.violations.push(format!("{to} is not writable"));
        }
    }
    if model.violations.is_empty() {
        Ok(())
    } else {
        Err(std::mem::take(&mut model.violations))
    }
}
