//! Who gets in, and what he may do.

use super::facts::{DoctorFacts, HbaLine, SecretFacts};
use super::remedy::{in_database, on_primary, psql, show_settings};
use super::result::{Finding, cluster};
use super::servers::{database_of, each_database, each_server, primary};
use crate::cluster::suggestion::show_connections;
use crate::cluster::{Instance, ObjectRef, quote_identifier};

fn of_secret(
    facts: &DoctorFacts,
    look: impl FnOnce(&SecretFacts, ObjectRef) -> Vec<Finding>,
) -> Vec<Finding> {
    match &facts.secret {
        Ok(secret) => look(secret, ObjectRef::new("secret", &secret.name)),
        Err(why) => vec![Finding::unknown(cluster(&facts.snapshot), why)],
    }
}

fn change_password() -> String {
    "less docs/secrets.md   # how to change a password without an outage".to_owned()
}

pub(super) fn weak_password(facts: &DoctorFacts) -> Vec<Finding> {
    of_secret(facts, |secret, object| {
        let mut findings = Vec::new();
        if !secret.guessable.is_empty() {
            findings.push(
                Finding::critical(
                    object.clone(),
                    format!(
                        "{} in every list of common passwords, or a name",
                        holds(&secret.guessable)
                    ),
                )
                .next(change_password()),
            );
        }
        if !secret.short.is_empty() {
            findings.push(
                Finding::warning(
                    object,
                    format!("{} shorter than 12 characters", holds(&secret.short)),
                )
                .next(change_password()),
            );
        }
        findings
    })
}

/// `the value of KEY is`, `the values of KEY and KEY are`.
fn holds(keys: &[String]) -> String {
    match keys {
        [one] => format!("the value of {one} is"),
        more => format!("the values of {} are", more.join(" and ")),
    }
}

pub(super) fn same_password(facts: &DoctorFacts) -> Vec<Finding> {
    of_secret(facts, |secret, object| {
        if secret.same.is_empty() {
            return Vec::new();
        }
        vec![
            Finding::warning(
                object,
                format!("{} have the same value", secret.same.join(" and ")),
            )
            .evidence("who knows the password of the standbys is the superuser, too")
            .next(change_password()),
        ]
    })
}

fn passwords(
    facts: &DoctorFacts,
    look: impl FnOnce(&super::facts::PasswordFacts) -> Vec<Finding>,
) -> Vec<Finding> {
    match &facts.passwords {
        Ok(passwords) => look(passwords),
        Err(why) => vec![Finding::unknown(primary(facts), why)],
    }
}

fn role(name: &str) -> ObjectRef {
    ObjectRef::new("role", name)
}

fn set_password(facts: &DoctorFacts, role: &str) -> String {
    on_primary(
        &facts.snapshot,
        &format!("\\password {}", quote_identifier(role)),
    )
}

pub(super) fn password_is_name(facts: &DoctorFacts) -> Vec<Finding> {
    passwords(facts, |passwords| {
        let weak = passwords.like_name.iter();
        weak.map(|it| {
            Finding::critical(role(it), "its password is its name").next(set_password(facts, it))
        })
        .collect()
    })
}

pub(super) fn md5_password(facts: &DoctorFacts) -> Vec<Finding> {
    passwords(facts, |passwords| {
        let weak = passwords.md5.iter();
        weak.map(|it| {
            Finding::warning(role(it), "its password is stored as MD5")
                .evidence("what is stored is enough to log in, and PostgreSQL gives MD5 up")
                .next(set_password(facts, it))
        })
        .collect()
    })
}

fn hba(
    facts: &DoctorFacts,
    wanted: fn(&HbaLine) -> bool,
    say: fn(ObjectRef, usize) -> Finding,
) -> Vec<Finding> {
    each_server(facts, |pod, answer| {
        let object = ObjectRef::pod(pod);
        let Some(lines) = &answer.hba else {
            let why = "only a superuser may read pg_hba_file_rules";
            return vec![Finding::unknown(object, why)];
        };
        let lines: Vec<&HbaLine> = lines.iter().filter(|it| wanted(it)).collect();
        if lines.is_empty() {
            return Vec::new();
        }
        let text = |it: &&HbaLine| {
            format!(
                "line {}: {} {} {} {} {}",
                it.line,
                it.kind,
                it.databases,
                it.users,
                it.address.as_deref().unwrap_or(""),
                it.method
            )
        };
        vec![
            say(object, lines.len())
                .evidence_lines(lines.iter().map(text))
                .next(psql(
                    &facts.snapshot,
                    pod,
                    "postgres",
                    "select line_number, type, database, user_name, address, auth_method from pg_hba_file_rules",
                )),
        ]
    })
}

/// The socket is in a volume of the pod that only the server's own user can enter: who reaches it owns
/// the files. `trust` there gives nothing away.
pub(super) fn trust_login(facts: &DoctorFacts) -> Vec<Finding> {
    hba(
        facts,
        |line| line.method == "trust" && line.kind != "local",
        |object, _| {
            Finding::critical(
                object,
                "pg_hba.conf lets people in over the network without a password",
            )
        },
    )
}

pub(super) fn weak_login_method(facts: &DoctorFacts) -> Vec<Finding> {
    hba(
        facts,
        |line| {
            let in_the_open = line.method == "password" && line.kind != "hostssl";
            line.kind != "local" && (in_the_open || matches!(line.method.as_str(), "md5" | "ident"))
        },
        |object, _| {
            Finding::warning(
                object,
                "pg_hba.conf has ways in over the network that are weaker than SCRAM-SHA-256",
            )
        },
    )
}

pub(super) fn tls_off(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| {
        let object = ObjectRef::pod(pod);
        let open: Vec<String> = answer
            .clients
            .iter()
            .filter(|it| it.remote && !it.tls)
            .map(|it| {
                format!(
                    "{} as {}: {} sessions",
                    it.application, it.user, it.sessions
                )
            })
            .collect();
        let remedy = show_settings(&facts.snapshot, &["ssl", "ssl_*"]);
        if !open.is_empty() {
            return vec![
                Finding::warning(object, "clients talk to it in the open")
                    .evidence_lines(open)
                    .next(remedy),
            ];
        }
        if answer.tls {
            return Vec::new();
        }
        vec![
            Finding::note(object, "ssl is off")
                .evidence("whoever listens on the pods' network reads along")
                .next(remedy),
        ]
    })
}

pub(super) fn superuser_application(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| {
        let super_clients = answer.clients.iter().filter(|it| it.superuser && it.remote);
        super_clients
            .map(|it| {
                Finding::warning(
                    ObjectRef::pod(pod),
                    format!(
                        "{} has {} sessions as {}, a superuser",
                        if it.application.is_empty() { "a client" } else { &it.application },
                        it.sessions,
                        it.user
                    ),
                )
                .evidence("who finds a hole in it owns the server, and the machine as far as the container goes")
                .next(show_connections(&facts.snapshot.cluster.namespace, pod))
            })
            .collect()
    })
}

pub(super) fn no_network_policy(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    let policies = match &facts.objects.policies {
        Ok(policies) => policies,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    let pods = facts.snapshot.instances.iter().map(Instance::name);
    pods.filter_map(|pod| {
        let mut of_pod = policies.iter().filter(|it| it.pods.contains(pod));
        let what = match (of_pod.clone().next(), of_pod.find(|it| it.open)) {
            (None, _) => "no NetworkPolicy says who reaches it: every pod does".to_owned(),
            (Some(_), Some(open)) => {
                format!("NetworkPolicy {} lets every pod reach it", open.name)
            }
            (Some(_), None) => return None,
        };
        Some(Finding::warning(ObjectRef::pod(pod), what).next(format!(
            "kubectl -n {namespace} get networkpolicies   # deploy/base/policies.yaml has the one that is meant"
        )))
    })
    .collect()
}

pub(super) fn pod_security(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    let excessive = facts
        .objects
        .security
        .iter()
        .filter(|it| !it.excesses.is_empty());
    excessive
        .map(|it| {
            let finding = Finding::warning(
                ObjectRef::pod(&it.pod),
                "it may do more than a database needs",
            )
            .evidence_lines(it.excesses.iter().cloned());
            match facts.set_of(&it.pod) {
                Some(set) => finding.next(format!(
                    "kubectl -n {namespace} edit statefulset {}",
                    set.name
                )),
                None => finding,
            }
        })
        .collect()
}

pub(super) fn public_schema_create(facts: &DoctorFacts) -> Vec<Finding> {
    each_database(facts, |name, database| {
        database.public_create.then(|| {
            Finding::warning(
                database_of(name),
                "every role may create in the schema public",
            )
            .evidence("who puts a function there runs it as whoever calls it, the superuser, too")
            .next(in_database(
                &facts.snapshot,
                name,
                "revoke create on schema public from public",
            ))
        })
    })
}
