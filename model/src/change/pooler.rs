//! What PgBouncer needs in PostgreSQL: a role of its own, and in each database a function that gives it the
//! verifiers of roles.

use serde::Deserialize;

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::{UnfinishedOperation, names};
use crate::plan::CheckVerdict;

/// What there is of it on the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolerFacts {
    /// The role; none when there is none.
    pub role: Option<PoolerRole>,
    /// Every database that takes connections, templates too.
    pub databases: Vec<PoolerDatabase>,
}

/// The role as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolerRole {
    /// Whether it may log in.
    pub login: bool,
    /// Whether it may do more than an ordinary role.
    pub privileged: bool,
    /// Whether it has the password of the Secret.
    pub password_fits: bool,
}

/// A database, as far as a pooler is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PoolerDatabase {
    /// Its name.
    pub name: String,
    /// Whether the role may connect, and the function is there as it has to be.
    pub complete: bool,
}

/// What is wrong with the Secret's password, which is nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolerSecret {
    /// It can be set.
    Given,
    /// It is the placeholder of the manifests.
    Placeholder,
}

/// Whether nothing is missing.
pub fn is_set_up(facts: &PoolerFacts) -> bool {
    let mut databases = facts.databases.iter();
    let role = facts.role.as_ref();
    role.is_some_and(|it| it.login && !it.privileged && it.password_fits)
        && databases.all(|it| it.complete)
}

/// Makes what a pooler needs: what would be done, and what speaks against it.
pub fn propose_pooler_setup(
    pod: &str,
    secret: (&str, PoolerSecret),
    facts: &PoolerFacts,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let role = names::POOLER_ROLE;
    let lacking: Vec<&str> = facts
        .databases
        .iter()
        .filter(|it| !it.complete)
        .map(|it| it.name.as_str())
        .collect();
    let of_databases = match lacking.as_slice() {
        [] => format!("all {} databases have its function", facts.databases.len()),
        some => format!("these databases get its function: {}", some.join(", ")),
    };
    ChangeProposal {
        title: format!("setup of the pooler on {pod}"),
        identity: format!(
            "setup of the pooler on {pod}, Secret {}, role {}, databases {}",
            secret.0,
            facts.role.is_some(),
            lacking.join(" ")
        ),
        wanted: "yes".to_owned(),
        facts: vec![
            format!(
                "the role {role} may log in, connect to every database, and call {role}.verifier(role): nothing else"
            ),
            "superusers and roles that may stream have no verifier for it: they don't get in through a pooler"
                .to_owned(),
            of_databases,
        ],
        checks: vec![
            role_check(facts),
            secret_check(secret),
            ChangeCheck::no_operation(unfinished, CheckVerdict::Refuse),
        ],
        undo: Vec::new(),
    }
}

fn role_check(facts: &PoolerFacts) -> ChangeCheck {
    const CHECK: &str = "role";
    let role = names::POOLER_ROLE;
    match &facts.role {
        None => ChangeCheck::pass(CHECK, format!("{role} is made")),
        Some(found) if found.privileged => ChangeCheck::refuse(
            CHECK,
            format!("{role} is there, and is a superuser, may stream or make roles: it is nothing for a pooler"),
        )
        .next("pgctl users"),
        Some(found) if !found.login || !found.password_fits => ChangeCheck::pass(
            CHECK,
            format!("{role} is there, and gets the password of the Secret"),
        ),
        Some(_) => ChangeCheck::pass(
            CHECK,
            format!("{role} is there, with the password of the Secret"),
        ),
    }
}

fn secret_check((name, state): (&str, PoolerSecret)) -> ChangeCheck {
    const CHECK: &str = "secret";
    match state {
        PoolerSecret::Given => ChangeCheck::pass(CHECK, format!("{name} has its password")),
        PoolerSecret::Placeholder => ChangeCheck::refuse(
            CHECK,
            format!(
                "the key {} of {name} is still the placeholder of the manifests",
                names::KEY_POOLER_PASSWORD
            ),
        )
        .next("give it a password of its own: docs/runbooks/pooler.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PoolerFacts {
        PoolerFacts {
            role: Some(PoolerRole {
                login: true,
                privileged: false,
                password_fits: true,
            }),
            databases: vec![PoolerDatabase {
                name: "shop".to_owned(),
                complete: true,
            }],
        }
    }

    fn proposal(facts: &PoolerFacts, secret: PoolerSecret) -> ChangeProposal {
        propose_pooler_setup("p-0", ("s", secret), facts, None)
    }

    #[test]
    fn what_is_complete_is_left_alone() {
        assert!(is_set_up(&facts()));
        let lacks = |change: fn(&mut PoolerFacts)| {
            let mut facts = facts();
            change(&mut facts);
            assert!(!is_set_up(&facts), "{facts:?}");
            assert!(!proposal(&facts, PoolerSecret::Given).is_refused());
        };
        lacks(|it| it.role = None);
        lacks(|it| it.databases[0].complete = false);
        lacks(|it| it.role.as_mut().expect("it is there").password_fits = false);
        lacks(|it| it.role.as_mut().expect("it is there").login = false);
    }

    #[test]
    fn a_role_with_rights_and_a_placeholder_are_refused() {
        let mut privileged = facts();
        privileged.role.as_mut().expect("it is there").privileged = true;
        assert!(!is_set_up(&privileged));
        assert!(proposal(&privileged, PoolerSecret::Given).is_refused());
        assert!(proposal(&facts(), PoolerSecret::Placeholder).is_refused());
    }
}
