//! The checks that every guided operation starts with.

use crate::cluster::ClusterId;
use crate::plan::language::{Check, CheckName, Circumstances};

/// Checks that every guided operation starts with.
pub(crate) fn operation_checks(cluster: &ClusterId, circumstances: &Circumstances) -> Vec<Check> {
    vec![
        lock(circumstances),
        unfinished(cluster, circumstances),
        permissions(circumstances),
    ]
}

fn lock(circumstances: &Circumstances) -> Check {
    let name = CheckName::Lock;
    match &circumstances.lock {
        None => Check::pass(name, "nobody else works on this cluster"),
        Some(holder) => Check::refuse(name, holder.to_string()).next(holder.command()),
    }
}

fn unfinished(cluster: &ClusterId, circumstances: &Circumstances) -> Check {
    let name = CheckName::Unfinished;
    match &circumstances.unfinished {
        None => Check::pass(name, "every earlier operation has ended"),
        Some(found) => {
            let into = found.into.as_ref();
            let into = into.map_or_else(String::new, |name| format!(" --into {name}"));
            let kind = format!("{}{into}", found.id.command());
            let flags = format!("-n {} --cluster {}", cluster.namespace, cluster.name);
            let resume = format!("pgctl {kind} --resume {flags}");
            // A restore takes more: its store, and the key of an encrypted backup.
            let resume = found.resume.clone().unwrap_or(resume);
            // Two commands in one line: what is pasted is the first.
            let next = if found.past_point_of_no_return {
                resume
            } else {
                format!("{resume}   # or pgctl {kind} --abort {flags}")
            };
            Check::refuse(name, format!("the {} was left unfinished", found.title)).next(next)
        }
    }
}

fn permissions(circumstances: &Circumstances) -> Check {
    let name = CheckName::Permissions;
    let missing: Vec<String> = circumstances
        .permissions
        .iter()
        .filter(|it| !it.allowed)
        .map(|it| it.permission.to_string())
        .collect();
    if missing.is_empty() {
        Check::pass(name, "every step is permitted")
    } else {
        Check::refuse(name, format!("not permitted: {}", missing.join(", ")))
            .next("ask for the Role pgctl-operator (deploy/rbac)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture;
    use crate::plan::language::{OperationId, Unfinished};

    #[test]
    fn what_goes_on_with_an_unfinished_restore_takes_its_store_and_its_key_along() {
        let said = |resume: Option<&str>| {
            let circumstances = Circumstances {
                unfinished: Some(Unfinished {
                    id: OperationId("restore-1".into()),
                    title: "restore into the throw-away server look".into(),
                    past_point_of_no_return: false,
                    to: None,
                    from: None,
                    restore: true,
                    into: Some("look".into()),
                    rejoins: None,
                    resume: resume.map(str::to_owned),
                }),
                ..Circumstances::default()
            };
            let check = unfinished(&fixture::healthy(1).cluster, &circumstances);
            check.next.expect("it says what to type")
        };
        let resume = "pgctl restore --into look --resume -n staging --cluster staging --store /b --identity FILE";
        let abort = "pgctl restore --into look --abort -n staging --cluster staging";
        assert_eq!(said(Some(resume)), format!("{resume}   # or {abort}"));
        // Of a journal that was read by an older version.
        let known = "pgctl restore --into look --resume -n staging --cluster staging";
        assert_eq!(said(None), format!("{known}   # or {abort}"));
    }
}
