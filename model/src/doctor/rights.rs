//! What the one who asks may do.

use std::collections::BTreeMap;

use super::facts::{Access, DoctorFacts};
use super::result::{Finding, cluster};

fn missing(
    facts: &DoctorFacts,
    wanted: fn(&Access) -> bool,
    say: impl FnOnce(Vec<&Access>) -> Finding,
) -> Vec<Finding> {
    let access = match &facts.access {
        Ok(access) => access,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    let missing: Vec<&Access> = access
        .iter()
        .filter(|it| wanted(it) && !it.allowed)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![say(missing).next(format!(
        "kubectl -n {} auth can-i --list   # deploy/rbac has the Roles pgctl-viewer and pgctl-operator",
        facts.snapshot.cluster.namespace
    ))]
}

pub(super) fn to_look(facts: &DoctorFacts) -> Vec<Finding> {
    missing(
        facts,
        |it| it.command.is_none(),
        |missing| {
            // Nodes belong to no namespace: whoever has a Role has none of them, and can do without.
            let only_nodes = missing.iter().all(|it| it.permission.ends_with(" nodes"));
            let on = cluster(&facts.snapshot);
            let finding = match only_nodes {
                true => Finding::note(on, "you may not look at nodes (deploy/rbac/nodes)"),
                false => Finding::warning(on, "you may not look at everything"),
            };
            finding.evidence_lines(
                missing
                    .iter()
                    .map(|it| format!("may not {}", it.permission)),
            )
        },
    )
}

pub(super) fn to_operate(facts: &DoctorFacts) -> Vec<Finding> {
    missing(
        facts,
        |it| it.command.is_some(),
        |missing| {
            let mut commands: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for it in missing {
                let needs = commands.entry(&it.permission).or_default();
                needs.extend(it.command.as_deref());
            }
            Finding::note(
                cluster(&facts.snapshot),
                "you may not carry out every operation",
            )
            .evidence_lines(
                commands
                    .iter()
                    .map(|(permission, of)| format!("may not {permission}: {}", of.join(", "))),
            )
        },
    )
}
