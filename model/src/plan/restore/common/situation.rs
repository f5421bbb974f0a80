//! The checks that every restore starts with.

use crate::cluster::{Component, GitOps, Instance, Snapshot};
use crate::plan::common::{one_primary, sizes, start_script};
use crate::plan::language::{
    BackupFacts, Check, CheckName, Circumstances, RestoreCircumstances, RestoreKind,
    RestoreRequest, Reverts,
};
use crate::recovery::RecoveryWay;

/// A restore to be judged.
pub(crate) struct Situation<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) request: &'a RestoreRequest,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) found: &'a RestoreCircumstances,
}

impl<'a> Situation<'a> {
    pub(crate) fn backup(&self) -> &'a BackupFacts {
        &self.found.backup
    }

    /// The way through archived WAL, when there is to be one.
    pub(crate) fn way(&self) -> Option<&'a RecoveryWay> {
        self.found.recovery.as_ref().map(|it| &it.way)
    }

    /// The checks that do not depend on what is restored.
    pub(crate) fn checks(&self) -> Vec<Check> {
        vec![self.whole(), self.cluster(), self.version()]
    }

    fn whole(&self) -> Check {
        let backup = self.backup();
        if backup.problems.is_empty() {
            return Check::pass(
                CheckName::Backup,
                format!(
                    "{} of {}, read to its end just now: whole",
                    backup.kind.name(),
                    backup.taken.strftime("%Y-%m-%d %H:%M:%SZ")
                ),
            );
        }
        Check::refuse(
            CheckName::Backup,
            format!("it is not whole: {}", backup.problems.join("; ")),
        )
        .next("take another one: pgctl backup list")
    }

    fn cluster(&self) -> Check {
        let name = CheckName::Cluster;
        let (backup, here) = (self.backup(), &self.snapshot.cluster);
        let system = self
            .snapshot
            .primary()
            .and_then(Instance::facts)
            .map(|facts| facts.system_identifier.as_str());
        if backup.cluster != *here {
            return Check::warn(
                name,
                format!("the backup is of {}, and this is {here}", backup.cluster),
            );
        }
        match system {
            Some(system) if system != backup.system_identifier => Check::warn(
                name,
                format!(
                    "the backup is of system {}, and {here} is system {system} now",
                    backup.system_identifier
                ),
            ),
            Some(_) => Check::pass(name, format!("the backup is of {here} itself")),
            None => Check::pass(
                name,
                format!("the backup is of {here}; no primary answers now"),
            ),
        }
    }

    fn version(&self) -> Check {
        let name = CheckName::Version;
        let backup = self.backup();
        let ours = backup.server_version / 10_000;
        let mut servers = self.snapshot.instances.iter().filter_map(Instance::facts);
        let Some(server) = servers.next().map(|facts| facts.version / 10_000) else {
            return Check::pass(
                name,
                format!("it needs PostgreSQL {ours}; the pod's is looked at before it is used"),
            );
        };
        let physical = backup.kind == RestoreKind::Physical;
        if physical && ours != server {
            Check::refuse(
                name,
                format!(
                    "a base backup of PostgreSQL {ours} can't be started by PostgreSQL {server}"
                ),
            )
            .next("restore a logical backup, or deploy the image of that version")
        } else if ours > server {
            Check::refuse(
                name,
                format!("a dump of PostgreSQL {ours} can't be loaded into PostgreSQL {server}"),
            )
            .next("deploy an image of that version or a newer one")
        } else if let Some(tool) = backup.tool_major.filter(|it| !physical && *it > server) {
            newer_tool(tool, server)
        } else {
            Check::pass(name, format!("PostgreSQL {ours} into PostgreSQL {server}"))
        }
    }

    /// There is exactly one primary, which the topology names.
    pub(crate) fn one_primary(&self) -> Check {
        let check = one_primary(self.snapshot);
        if check.refuses() {
            check.next("pgctl status; a base backup can be restored without a primary")
        } else {
            check
        }
    }

    pub(crate) fn start_script(&self) -> Check {
        start_script(self.snapshot)
    }

    /// Room for so many bytes on a pod's volume, as far as its server says.
    pub(crate) fn space(&self, pods: &[&Instance], needed: u64) -> Check {
        let name = CheckName::Space;
        let mut notes = Vec::new();
        for pod in pods {
            let Some(free) = free_bytes(pod) else {
                notes.push(format!("{} does not say how much is free", pod.name()));
                continue;
            };
            if free < needed {
                return Check::refuse(
                    name,
                    format!(
                        "{} are needed beside what is there, and {} has {} free",
                        sizes(needed),
                        pod.name(),
                        sizes(free)
                    ),
                )
                .next(match self.backup().kind == RestoreKind::Physical {
                    true => "enlarge the volume",
                    false => "enlarge the volume, or restore less (--database)",
                });
            }
            if free < needed.saturating_mul(2) {
                notes.push(format!("{} has only {} free", pod.name(), sizes(free)));
            }
        }
        if pods.is_empty() {
            return Check::warn(
                name,
                format!(
                    "{} are needed; the volume is looked at before it is used",
                    sizes(needed)
                ),
            );
        }
        match notes.as_slice() {
            [] => Check::pass(name, format!("{} fit beside what is there", sizes(needed))),
            notes => Check::warn(
                name,
                format!("{} are needed: {}", sizes(needed), notes.join("; ")),
            ),
        }
    }

    /// No GitOps tool scales the StatefulSets back up while they have to be at 0.
    pub(crate) fn git_ops(&self) -> Check {
        let name = CheckName::GitOps;
        let mut objects: Vec<String> = Vec::new();
        let mut reverts = Reverts::Never;
        for drift in self
            .circumstances
            .drift
            .iter()
            .filter(|it| it.of_failover())
        {
            objects.push(format!("{} {}", drift.object, drift.field));
            reverts = worse(reverts, drift.reverts);
        }
        if let Some(set) = self.snapshot.stateful_set(Component::Replica)
            && let Some(tool) = &set.git_ops
        {
            objects.push(format!("StatefulSet/{} spec.replicas", set.name));
            reverts = worse(
                reverts,
                match tool {
                    GitOps::Flux { .. } => Reverts::Itself,
                    GitOps::Helm { .. } => Reverts::NextDeploy,
                    GitOps::ArgoCd { .. } => Reverts::Unknown,
                },
            );
        }
        let objects = objects.join(", ");
        match reverts {
            Reverts::Never => Check::pass(name, "nothing reverts the changes"),
            Reverts::Itself if !self.request.allow_drift => {
                Check::refuse(name, format!("would be reverted by self-heal: {objects}")).next(
                    "let the tool pause or ignore these fields (docs/gitops.md), or --allow-drift",
                )
            }
            Reverts::Itself => {
                Check::warn(name, format!("would be reverted by self-heal: {objects}"))
            }
            Reverts::Unknown => Check::warn(
                name,
                format!("may be reverted, it could not be found out: {objects}"),
            )
            .next("docs/gitops.md"),
            Reverts::NextDeploy => {
                Check::warn(name, format!("the next deployment reverts: {objects}"))
                    .next("docs/gitops.md")
            }
        }
    }
}

/// A dump that was made by a tool newer than the server, through a port-forward.
fn newer_tool(tool: u32, server: u32) -> Check {
    let name = CheckName::Version;
    let made = format!("pg_dump {tool} has made it, and the pod has the tools of {server}");
    if archive_format(tool) > archive_format(server) {
        return Check::refuse(name, format!("{made}, which can't read its archives"))
            .next("take another one in the pod (without --via port-forward), or load it by hand with pg_restore of that version");
    }
    Check::warn(
        name,
        format!("{made}: the first statement that is too new ends the restore"),
    )
}

/// The format of the archives of a version of `pg_dump` (`K_VERS_SELF` in
/// src/bin/pg_dump/pg_backup_archiver.h): 1.14, 1.15 from 16 on, 1.16 from 17 on. Of what is newer
/// than 18 nothing is known.
fn archive_format(major: u32) -> u32 {
    match major {
        ..=15 => 14,
        16 => 15,
        17 | 18 => 16,
        newer => newer,
    }
}

fn worse(one: Reverts, other: Reverts) -> Reverts {
    let rank = |it: Reverts| match it {
        Reverts::Never => 0,
        Reverts::NextDeploy => 1,
        Reverts::Unknown => 2,
        Reverts::Itself => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// What is free on the volume of a pod, when its server says.
pub(crate) fn free_bytes(instance: &Instance) -> Option<u64> {
    let usage = &instance.facts()?.usage;
    usage.left_bytes()
}
