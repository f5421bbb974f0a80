//! What changing passwords would do, and what speaks against it.

use super::facts::{PasswordFacts, PasswordOwner};
use super::step::PasswordWay;
use crate::change::{ChangeCheck, ChangeProposal};
use crate::cluster::UnfinishedOperation;
use crate::plan::CheckVerdict;

/// What is known before passwords are changed.
#[derive(Debug, Clone, Copy)]
pub struct PasswordGround<'a> {
    /// Those that are to change.
    pub passwords: &'a [PasswordFacts],
    /// Where to.
    pub way: PasswordWay,
    /// Name of the Secret.
    pub secret: &'a str,
    /// Who owns it, when that is not an operator.
    pub owner: Option<PasswordOwner>,
    /// Name of the superuser.
    pub superuser: &'a str,
    /// Whether a password was given, with which nothing that is on its way may differ.
    pub given_differs: bool,
    /// The permissions that are missing, in words.
    pub missing: &'a [String],
    /// The operation that was begun and has not ended.
    pub unfinished: Option<&'a UnfinishedOperation>,
}

/// What it would do, and what speaks against it.
pub fn propose_password_change(ground: &PasswordGround<'_>) -> ChangeProposal {
    let roles: Vec<&str> = ground.passwords.iter().map(|it| it.role.as_str()).collect();
    let roles = roles.join(" and ");
    let title = match ground.way {
        PasswordWay::On => format!("a new password for {roles}"),
        PasswordWay::Back => format!("back to the password of before for {roles}"),
    };
    ChangeProposal {
        identity: format!("{title}, Secret {}", ground.secret),
        title,
        wanted: "yes".to_owned(),
        facts: facts(ground),
        checks: vec![
            owner(ground),
            state(ground),
            files(ground),
            servers(ground),
            clients(ground),
            ChangeCheck::permission(ground.missing, "passwords"),
            ChangeCheck::no_operation(ground.unfinished, CheckVerdict::Refuse),
        ],
        undo: Vec::new(),
    }
}

fn begun(ground: &PasswordGround<'_>) -> bool {
    let mut passwords = ground.passwords.iter();
    passwords.any(|it| it.has_next || it.has_previous)
}

fn facts(ground: &PasswordGround<'_>) -> Vec<String> {
    let secret = ground.secret;
    match ground.way {
        PasswordWay::On => vec![
            format!(
                "the Secret {secret} gets the new one beside the old one, then the pods, then the database; the \
                 old one goes when every server and every pod has the new one"
            ),
            "open connections stay; standbys come in again with whichever of the two it is, without a restart"
                .to_owned(),
        ],
        PasswordWay::Back => vec![format!(
            "the database gets the one of before again, and the new one goes out of the Secret {secret}"
        )],
    }
}

/// A Secret that a controller writes is put back by it.
fn owner(ground: &PasswordGround<'_>) -> ChangeCheck {
    const CHECK: &str = "secret";
    let secret = ground.secret;
    match ground.owner {
        None => ChangeCheck::pass(CHECK, format!("nobody else writes the Secret {secret}")),
        Some(PasswordOwner::ExternalSecrets) => ChangeCheck::refuse(
            CHECK,
            format!(
                "the External Secrets Operator writes the Secret {secret}, and would put the old password back: change \
                 it in the store that it reads"
            ),
        )
        .next("docs/runbooks/passwords.md, External Secrets, has the order"),
        Some(PasswordOwner::SealedSecrets) => ChangeCheck::refuse(
            CHECK,
            format!(
                "the Sealed Secrets controller writes the Secret {secret}, and would put the old password back: seal a \
                 new one"
            ),
        )
        .next("docs/runbooks/passwords.md, Sealed Secrets, has the order"),
    }
}

/// Whether one is on its way.
fn state(ground: &PasswordGround<'_>) -> ChangeCheck {
    const CHECK: &str = "state";
    let unknown = ground.passwords.iter().find(|it| it.in_database.is_none());
    match (ground.way, begun(ground)) {
        (PasswordWay::Back, false) => ChangeCheck::refuse(
            CHECK,
            "no change of a password is under way: there is nothing to go back to",
        )
        .next("another one: pgctl passwords rotate --all"),
        (PasswordWay::On, _) if ground.given_differs => ChangeCheck::refuse(
            CHECK,
            "a change to another password than the given one is under way",
        )
        .next("back first: pgctl passwords rotate --all --abort"),
        (PasswordWay::On, true) => {
            ChangeCheck::pass(CHECK, "it was begun before, and goes on from there")
        }
        _ if unknown.is_some() => {
            let role = unknown.map_or("", |it| it.role.as_str());
            ChangeCheck::warn(
                CHECK,
                format!(
                    "the database has a password for {role} that is in no key of the Secret, or none: somebody has \
                     changed it"
                ),
            )
        }
        (PasswordWay::On, false) => ChangeCheck::pass(CHECK, "the Secret and the database agree"),
        (PasswordWay::Back, true) => ChangeCheck::pass(CHECK, "the one of before is in the Secret"),
    }
}

/// Whether the pods have the Secret as files: without, they keep the password that they were started with.
fn files(ground: &PasswordGround<'_>) -> ChangeCheck {
    const CHECK: &str = "files";
    let without = |facts: &PasswordFacts| -> Vec<String> {
        let pods = facts.pods.iter();
        let pods = pods.filter(|it| it.silent.is_none() && !it.mounted);
        pods.map(|it| it.pod.clone()).collect()
    };
    let Some((facts, pods)) = ground
        .passwords
        .iter()
        .map(|it| (it, without(it)))
        .find(|(_, pods)| !pods.is_empty())
    else {
        return ChangeCheck::pass(CHECK, "every pod has the Secret as files, which follow it");
    };
    let reason = format!(
        "these have the Secret in their environment only, and would know the old password until a restart: {}",
        pods.join(", ")
    );
    let check = match (facts.role == ground.superuser, ground.way) {
        (true, _) | (_, PasswordWay::Back) => ChangeCheck::warn(CHECK, reason),
        (false, PasswordWay::On) => ChangeCheck::refuse(CHECK, reason),
    };
    check.next("apply this version's manifests, which mount it: kubectl apply -k deploy/staging")
}

fn servers(ground: &PasswordGround<'_>) -> ChangeCheck {
    const CHECK: &str = "servers";
    let pods = ground.passwords.first().map_or(&[][..], |it| &it.pods);
    let silent: Vec<String> = pods
        .iter()
        .filter(|it| it.silent.is_some())
        .map(|it| it.pod.clone())
        .collect();
    if silent.is_empty() {
        return ChangeCheck::pass(CHECK, "all of them answer");
    }
    let reason = format!(
        "no answer of {}: it is waited for every pod, so that none is locked out",
        silent.join(", ")
    );
    // What was begun ends sooner or later, or goes back, as far as that can be.
    let check = match begun(ground) {
        true => ChangeCheck::warn(CHECK, reason),
        false => ChangeCheck::refuse(CHECK, reason),
    };
    check.next("pgctl status")
}

/// Who logs in with it besides.
fn clients(ground: &PasswordGround<'_>) -> ChangeCheck {
    const CHECK: &str = "clients";
    let superuser = ground
        .passwords
        .iter()
        .any(|it| it.role == ground.superuser);
    match superuser {
        true => ChangeCheck::warn(
            CHECK,
            format!(
                "whoever else logs in as {} with a copy of the password has to read the Secret again: jobs, exporters",
                ground.superuser
            ),
        ),
        false => ChangeCheck::pass(CHECK, "only the pods log in with it"),
    }
}
