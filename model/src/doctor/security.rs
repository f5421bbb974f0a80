//! Who gets in, and what he may do.

use core::net::IpAddr;

use super::facts::{ClientFacts, DoctorFacts, HbaLine, SecretFacts};
use super::objects::PodSecurity;
use super::remedy::{in_database, on_primary, psql, show_settings};
use super::result::{Finding, cluster};
use super::servers::{database_of, each_answer, each_database, each_server, primary};
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

fn change_password(facts: &DoctorFacts) -> String {
    format!(
        "pgctl -n {} passwords rotate --all   # without an outage: docs/secrets.md",
        facts.snapshot.cluster.namespace
    )
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
                .next(change_password(facts)),
            );
        }
        if !secret.short.is_empty() {
            findings.push(
                Finding::warning(
                    object,
                    format!("{} shorter than 12 characters", holds(&secret.short)),
                )
                .next(change_password(facts)),
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
            .next(change_password(facts)),
        ]
    })
}

/// The roles that were looked at; those that were left out are an unknown.
fn passwords(
    facts: &DoctorFacts,
    look: impl FnOnce(&super::facts::PasswordFacts) -> Vec<Finding>,
) -> Vec<Finding> {
    let passwords = match &facts.passwords {
        Ok(passwords) => passwords,
        Err(why) => return vec![Finding::unknown(primary(facts), why)],
    };
    let mut findings = look(passwords);
    if passwords.left_out > 0 {
        let why = format!("{} more roles were not looked at", passwords.left_out);
        findings.push(Finding::unknown(primary(facts), why));
    }
    findings
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
                address(it),
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
                    "select line_number, type, database, user_name, address, netmask, auth_method from pg_hba_file_rules",
                )),
        ]
    })
}

/// `10.0.0.0/8`, as a line of the file has it.
fn address(line: &HbaLine) -> String {
    let Some(address) = &line.address else {
        return String::new();
    };
    let Some(mask) = &line.netmask else {
        return address.clone();
    };
    let ones = mask.parse().ok().and_then(|mask: IpAddr| {
        let (bits, all) = match mask {
            IpAddr::V4(mask) => (u128::from(u32::from(mask)) << 96, 32),
            IpAddr::V6(mask) => (u128::from(mask), 128),
        };
        let ones = bits.leading_ones();
        (bits.count_ones() == ones && ones <= all).then_some(ones)
    });
    match ones {
        Some(ones) => format!("{address}/{ones}"),
        None => format!("{address} {mask}"),
    }
}

/// Methods by which the server is sent something that logs in as it is: without TLS whoever listens has it.
const IN_THE_OPEN: [&str; 6] = ["password", "ldap", "pam", "bsd", "radius", "oauth"];

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
            let method = line.method.as_str();
            let encrypted = matches!(line.kind.as_str(), "hostssl" | "hostgssenc");
            let in_the_open = !encrypted && IN_THE_OPEN.contains(&method);
            line.kind != "local" && (in_the_open || matches!(method, "md5" | "ident"))
        },
        |object, _| {
            Finding::warning(
                object,
                "pg_hba.conf has ways in over the network that are weaker than SCRAM-SHA-256",
            )
        },
    )
}

/// Of a server that offers no TLS standbys stream in the open as everybody talks to it: that is one matter. Where it
/// does, who does not use it is another.
pub(super) fn tls_off(facts: &DoctorFacts) -> Vec<Finding> {
    let findings = each_server(facts, |pod, answer| {
        let object = ObjectRef::pod(pod);
        let open = || answer.clients.iter().filter(|it| it.remote && !it.tls);
        let said = |it: &ClientFacts| {
            format!(
                "{} as {}: {} sessions",
                it.application, it.user, it.sessions
            )
        };
        let remedy = show_settings(&facts.snapshot, &["ssl", "ssl_*"]);
        if open().any(|it| answer.tls || !it.replication) {
            return vec![
                Finding::warning(object, "clients talk to it in the open")
                    .evidence_lines(open().map(said))
                    .next(remedy),
            ];
        }
        if answer.tls {
            return Vec::new();
        }
        vec![
            Finding::note(object, "ssl is off")
                .evidence("whoever listens on the pods' network reads along")
                .evidence_lines(open().map(said))
                .next(remedy),
        ]
    });
    with_more_clients(facts, findings)
}

/// So many groups of clients a server tells of.
const MOST_CLIENTS: usize = 100;

/// Adds where there may be more clients than a server has told of.
fn with_more_clients(facts: &DoctorFacts, mut findings: Vec<Finding>) -> Vec<Finding> {
    let told_of = each_answer(facts).filter(|(_, it)| it.clients.len() >= MOST_CLIENTS);
    findings.extend(told_of.map(|(pod, _)| {
        let why =
            format!("only the {MOST_CLIENTS} groups of clients with most sessions were looked at");
        Finding::unknown(ObjectRef::pod(pod), why)
    }));
    findings
}

pub(super) fn superuser_application(facts: &DoctorFacts) -> Vec<Finding> {
    let findings = each_server(facts, |pod, answer| {
        let applications = answer.clients.iter().filter(|it| !it.replication);
        let super_clients = applications.filter(|it| it.superuser && it.remote);
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
    });
    with_more_clients(facts, findings)
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
                format!("NetworkPolicy {} lets everybody reach its database", open.name)
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
    let security = match &facts.objects.security {
        Ok(security) => security,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    let pods = facts.snapshot.instances.iter().map(Instance::name);
    pods.filter_map(|pod| match security.iter().find(|it| it.pod == pod) {
        None => Some(Finding::unknown(
            ObjectRef::pod(pod),
            "it was gone when it was looked at",
        )),
        Some(seen) if seen.excesses.is_empty() => None,
        Some(seen) => Some(excessive(facts, seen)),
    })
    .collect()
}

fn excessive(facts: &DoctorFacts, seen: &PodSecurity) -> Finding {
    let namespace = &facts.snapshot.cluster.namespace;
    let finding = Finding::warning(
        ObjectRef::pod(&seen.pod),
        "it may do more than a database needs",
    )
    .evidence_lines(seen.excesses.iter().cloned());
    match facts.set_of(&seen.pod) {
        Some(set) => finding.next(format!(
            "kubectl -n {namespace} edit statefulset {}",
            set.name
        )),
        None => finding,
    }
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
