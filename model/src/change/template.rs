//! Whether the templates of the StatefulSets may be changed: back to what they were, or to another minor version.

use std::fmt;

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::{GitOps, Instance, Snapshot, StatefulSetFacts, UnfinishedOperation};

/// A template as it was before the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerTemplate {
    /// Name of the StatefulSet.
    pub stateful_set: String,
    /// Name of its revision (a ControllerRevision).
    pub revision: String,
    /// The image of the database container in it.
    pub image: Option<String>,
}

/// The StatefulSets that go back, of those that have a former template. While a rollout is under way those with pods of
/// an older template, or with one that is not ready; when it is through, all.
pub fn going_back<'a>(
    snapshot: &'a Snapshot,
    former: &'a [FormerTemplate],
) -> Vec<(&'a StatefulSetFacts, &'a FormerTemplate)> {
    let all = || {
        snapshot.stateful_sets.iter().filter_map(|set| {
            let template = former.iter().find(|it| it.stateful_set == set.name)?;
            Some((set, template))
        })
    };
    // A pod that does not get ready is one that the present template may have broken.
    let under_way = |set: &StatefulSetFacts| {
        snapshot.instances.iter().any(|it| {
            it.pod.component == set.component
                && (snapshot.is_older(it) == Some(true) || !it.pod.ready)
        })
    };
    let mixed: Vec<_> = all().filter(|(set, _)| under_way(set)).collect();
    if mixed.is_empty() {
        all().collect()
    } else {
        mixed
    }
}

/// What going back to the former templates would do; none when there is none to go back to.
pub fn propose_undo(
    snapshot: &Snapshot,
    former: &[FormerTemplate],
    allow_drift: bool,
    unfinished: Option<&UnfinishedOperation>,
) -> Option<ChangeProposal> {
    let back = going_back(snapshot, former);
    if back.is_empty() {
        return None;
    }
    let names: Vec<&str> = back.iter().map(|(set, _)| set.name.as_str()).collect();
    let sets: Vec<&StatefulSetFacts> = back.iter().map(|(set, _)| *set).collect();
    let revisions: Vec<&str> = back.iter().map(|(_, it)| it.revision.as_str()).collect();
    Some(ChangeProposal {
        title: format!("return of {} to the former template", names.join(" and ")),
        identity: format!("template {}", revisions.join(" and ")),
        wanted: snapshot.cluster.name.clone(),
        facts: back
            .iter()
            .map(|(set, template)| {
                format!(
                    "{}: {} instead of {}",
                    set.name,
                    shown(template.image.as_deref(), Some(&template.revision)),
                    shown(set.image.as_deref(), set.revision.as_deref()),
                )
            })
            .collect(),
        checks: vec![
            git_ops(&sets, allow_drift, "the former template"),
            operation(unfinished),
        ],
        undo: Vec::new(),
    })
}

fn shown(image: Option<&str>, revision: Option<&str>) -> String {
    match (image, revision) {
        (Some(image), Some(revision)) => format!("{image} (revision {revision})"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "what it is".to_owned(),
    }
}

/// A version of PostgreSQL as somebody types it: `17`, `17.6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    /// The first number.
    pub major: u32,
    /// The second number; none means whatever is newest.
    pub minor: Option<u32>,
}

impl ServerVersion {
    /// From `17.6` or `17`; none when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|_| !text.starts_with('+'));
        match text.split_once('.') {
            None => Some(Self {
                major: number(text)?,
                minor: None,
            }),
            Some((major, minor)) => Some(Self {
                major: number(major)?,
                minor: Some(number(minor)?),
            }),
        }
    }

    /// From `server_version_num` (PostgreSQL 10 and later).
    pub const fn of_number(number: u32) -> Self {
        Self {
            major: number / 10_000,
            minor: Some(number % 10_000),
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}", self.major),
        }
    }
}

/// `pgctl upgrade --to VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// The version that all servers are to be.
    pub to: ServerVersion,
    /// The image that has it; none takes the present one with another tag.
    pub image: Option<String>,
    /// Go on although a GitOps tool may revert it.
    pub allow_drift: bool,
}

/// The same image with the tag of another version: what follows the version in the tag (`-bookworm`) stays. None where
/// the present tag names no version, or the image is pinned by its digest.
pub fn image_of(present: &str, to: ServerVersion) -> Option<String> {
    if present.contains('@') {
        return None;
    }
    // A colon before the last slash is of the registry's port.
    let (name, tag) = present
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))?;
    let end = tag
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(tag.len());
    let (version, rest) = tag.split_at(end);
    ServerVersion::parse(version)?;
    (rest.is_empty() || rest.starts_with('-')).then(|| format!("{name}:{to}{rest}"))
}

/// The image of each StatefulSet after the upgrade: those that have it already are left out.
pub fn upgraded<'a>(
    snapshot: &'a Snapshot,
    request: &UpgradeRequest,
) -> Vec<(&'a StatefulSetFacts, Option<String>)> {
    snapshot
        .stateful_sets
        .iter()
        .map(|set| {
            let image = request.image.clone();
            let image = image.or_else(|| image_of(set.image.as_deref()?, request.to));
            (set, image)
        })
        .filter(|(set, image)| image.is_none() || *image != set.image)
        .collect()
}

/// What an upgrade to another minor version would change.
pub fn propose_upgrade(
    snapshot: &Snapshot,
    request: &UpgradeRequest,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let changed = upgraded(snapshot, request);
    let sets: Vec<&StatefulSetFacts> = changed.iter().map(|(set, _)| *set).collect();
    let images: Vec<String> = changed
        .iter()
        .filter_map(|(set, image)| {
            let before = set.image.as_deref().unwrap_or("what it has");
            Some(format!(
                "{}: {} instead of {before}",
                set.name,
                image.as_ref()?
            ))
        })
        .collect();
    let example = changed.iter().find_map(|(_, image)| image.clone());
    let wanted = example.unwrap_or_else(|| format!("an image of {}", request.to));
    ChangeProposal {
        title: format!("upgrade to PostgreSQL {}", request.to),
        identity: images.join(", "),
        wanted: snapshot.cluster.name.clone(),
        facts: images,
        checks: vec![
            version(snapshot, request.to),
            image(&changed),
            system(&changed),
            git_ops(&sets, request.allow_drift, &wanted),
            operation(unfinished),
        ],
        undo: Vec::new(),
    }
}

/// Only another minor version can be started on the same data.
fn version(snapshot: &Snapshot, to: ServerVersion) -> ChangeCheck {
    const CHECK: &str = "version";
    let servers = snapshot
        .instances
        .iter()
        .filter_map(|it| Some((it.name(), ServerVersion::of_number(it.facts()?.version))));
    let Some((pod, highest)) = servers.max_by_key(|(_, version)| *version) else {
        return ChangeCheck::refuse(
            CHECK,
            "no server answers: which version they are is not known",
        )
        .next("pgctl status");
    };
    if highest.major != to.major {
        return ChangeCheck::refuse(
            CHECK,
            format!(
                "{pod} is PostgreSQL {highest}: another major version can't be started on its data"
            ),
        )
        .next("docs/runbooks/rollout.md, section \"Another major version\"");
    }
    match (highest.minor, to.minor) {
        (Some(is), Some(wanted)) if wanted < is => ChangeCheck::refuse(
            CHECK,
            format!("{pod} is PostgreSQL {highest}, which is newer"),
        )
        .next("going back to the former template: pgctl rollout --undo"),
        _ => ChangeCheck::pass(CHECK, format!("from {highest}, another minor version")),
    }
}

/// Which image it is is known.
fn image(changed: &[(&StatefulSetFacts, Option<String>)]) -> ChangeCheck {
    const CHECK: &str = "image";
    let unknown = changed.iter().find(|(_, image)| image.is_none());
    match unknown {
        Some((set, _)) => ChangeCheck::refuse(
            CHECK,
            format!(
                "which image of it {} is to have can't be told from {}",
                set.name,
                set.image.as_deref().unwrap_or("its template")
            ),
        )
        .next("name it: --image REGISTRY/NAME:TAG"),
        None if changed.is_empty() => ChangeCheck::pass(
            CHECK,
            "the templates name it already: nothing is to be changed",
        ),
        None => ChangeCheck::pass(CHECK, "the templates name another one of the same kind"),
    }
}

/// Another C library sorts otherwise: indexes of text are wrong then, without a word.
fn system(changed: &[(&StatefulSetFacts, Option<String>)]) -> ChangeCheck {
    const CHECK: &str = "system";
    let kind = |image: &str| {
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let system = tag.split_once('-').map_or("", |(_, system)| system);
        system
            .trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.')
            .to_owned()
    };
    let other = changed.iter().find(|(set, image)| {
        let (Some(before), Some(after)) = (&set.image, image) else {
            return false;
        };
        kind(before) != kind(after)
    });
    match other {
        Some((set, Some(image))) => ChangeCheck::warn(
            CHECK,
            format!(
                "{image} may have another C library than {}: it may sort text otherwise, and indexes of text are wrong then",
                set.image.as_deref().unwrap_or_default()
            ),
        )
        .next("afterwards: pgctl doctor --check collation-mismatch, which says what to reindex"),
        _ => ChangeCheck::pass(
            CHECK,
            "the same system; afterwards pgctl doctor --check collation-mismatch tells if a library sorts otherwise",
        ),
    }
}

/// Where Git is the source of truth the cluster is not changed past it.
fn git_ops(sets: &[&StatefulSetFacts], allow_drift: bool, wanted: &str) -> ChangeCheck {
    const CHECK: &str = "GitOps";
    let owned = sets
        .iter()
        .find_map(|set| Some((*set, set.git_ops.as_ref()?)));
    let Some((set, tool)) = owned else {
        return ChangeCheck::pass(CHECK, "no GitOps tool deploys the StatefulSets");
    };
    let name = &set.name;
    let (reason, reverts) = match tool {
        GitOps::ArgoCd { application } => (
            format!(
                "Argo CD deploys statefulset/{name} (Application {application}): Git says what its template is"
            ),
            true,
        ),
        GitOps::Flux {
            kustomization,
            left_alone: false,
        } => (
            format!(
                "Flux deploys statefulset/{name} ({kustomization}): Git says what its template is"
            ),
            true,
        ),
        GitOps::Flux {
            kustomization,
            left_alone: true,
        } => (
            format!(
                "Flux ({kustomization}) leaves statefulset/{name} alone for now: change Git, too"
            ),
            false,
        ),
        GitOps::Helm { release } => (
            format!(
                "Helm deploys statefulset/{name} (release {release}), and puts it back at the next upgrade of the release"
            ),
            false,
        ),
    };
    match (reverts, allow_drift) {
        (true, false) => ChangeCheck::refuse(CHECK, reason).next(format!(
            "write {wanted} into Git, wait until it is deployed, then: pgctl rollout; or --allow-drift"
        )),
        (true, true) | (false, _) => ChangeCheck::warn(CHECK, reason),
    }
}

fn operation(unfinished: Option<&UnfinishedOperation>) -> ChangeCheck {
    const CHECK: &str = "operation";
    match unfinished {
        None => ChangeCheck::pass(CHECK, "no operation is unfinished"),
        Some(found) => {
            let check = ChangeCheck::refuse(CHECK, format!("the {} has not ended", found.title));
            match &found.abort {
                Some(abort) => check.next(format!("{}, or {abort}", found.resume)),
                None => check.next(found.resume.clone()),
            }
        }
    }
}

/// The pods that run another version than this one, by name: nobody may be left when it is done.
pub fn of_another_version(snapshot: &Snapshot, to: ServerVersion) -> Vec<&str> {
    let other = |it: &&Instance| {
        let is = it
            .facts()
            .map(|facts| ServerVersion::of_number(facts.version));
        is.is_none_or(|is| is.major != to.major || (to.minor.is_some() && is.minor != to.minor))
    };
    snapshot
        .instances
        .iter()
        .filter(other)
        .map(Instance::name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Component;
    use crate::cluster::fixture::{self, change_templates, healthy};
    use crate::plan::CheckVerdict;

    fn version(text: &str) -> ServerVersion {
        ServerVersion::parse(text).expect("a version")
    }

    fn to(text: &str) -> UpgradeRequest {
        UpgradeRequest {
            to: version(text),
            image: None,
            allow_drift: false,
        }
    }

    fn refusal(proposal: &ChangeProposal) -> &str {
        let mut checks = proposal.checks.iter();
        let found = checks.find(|it| it.verdict == CheckVerdict::Refuse);
        let found = found.expect("it is refused");
        assert!(found.next.is_some(), "{found:?}");
        &found.reason
    }

    #[test]
    fn the_image_keeps_all_but_the_version() {
        let of = |image: &str| image_of(image, version("17.6"));
        for (before, after) in [
            ("postgres:17", "postgres:17.6"),
            ("postgres:17.5-bookworm", "postgres:17.6-bookworm"),
            (
                "registry:5000/db/postgres:17-alpine3.20",
                "registry:5000/db/postgres:17.6-alpine3.20",
            ),
        ] {
            assert_eq!(of(before).as_deref(), Some(after));
        }
        for unknown in [
            "postgres",
            "registry:5000/postgres",
            "postgres:latest",
            "postgres:17@sha256:ab",
            "postgres:17rc1",
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn versions_are_read_as_people_write_them() {
        assert_eq!(version("17").minor, None);
        assert_eq!(version("17.6").to_string(), "17.6");
        for nonsense in ["", "x", "17.", ".6", "17.6.1", "+17", "17.-1"] {
            assert_eq!(ServerVersion::parse(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(ServerVersion::of_number(150_018).to_string(), "15.18");
    }

    #[test]
    fn another_major_version_is_refused_with_the_way_to_go() {
        let snapshot = healthy(2);
        let proposal = propose_upgrade(&snapshot, &to("18.1"), None);
        assert!(refusal(&proposal).contains("another major version"));
        let older = propose_upgrade(&snapshot, &to("15.3"), None);
        assert!(refusal(&older).contains("which is newer"));
        let proposal = propose_upgrade(&snapshot, &to("15.19"), None);
        assert!(!proposal.is_refused(), "{:?}", proposal.checks);
        assert_eq!(
            proposal.facts,
            [
                "staging-postgres-primary: postgres:15.19 instead of postgres:17",
                "staging-postgres-replica: postgres:15.19 instead of postgres:17"
            ]
        );
    }

    #[test]
    fn what_git_says_is_not_changed_past_it() {
        let mut snapshot = healthy(2);
        fixture::set(&mut snapshot, Component::Replica).git_ops = Some(GitOps::ArgoCd {
            application: "db".into(),
        });
        let refused = propose_upgrade(&snapshot, &to("15.19"), None);
        assert!(
            refusal(&refused).contains("Git says"),
            "{:?}",
            refused.checks
        );
        let request = UpgradeRequest {
            allow_drift: true,
            ..to("15.19")
        };
        assert!(!propose_upgrade(&snapshot, &request, None).is_refused());
    }

    #[test]
    fn another_c_library_is_a_warning() {
        let snapshot = healthy(2);
        let request = UpgradeRequest {
            image: Some("postgres:15.19-alpine".into()),
            ..to("15.19")
        };
        let proposal = propose_upgrade(&snapshot, &request, None);
        let mut checks = proposal.checks.iter();
        let system = checks.find(|it| it.check == "system").expect("it is asked");
        assert_eq!(system.verdict, CheckVerdict::Warn);
    }

    fn former(set: &str) -> FormerTemplate {
        FormerTemplate {
            stateful_set: format!("staging-postgres-{set}"),
            revision: format!("staging-postgres-{set}-6b9c"),
            image: Some("postgres:17".into()),
        }
    }

    #[test]
    fn only_those_go_back_whose_rollout_is_under_way() {
        let mut snapshot = healthy(2);
        let both = [former("primary"), former("replica")];
        assert_eq!(going_back(&snapshot, &both).len(), 2, "it is through");
        change_templates(&mut snapshot);
        let primary = fixture::set(&mut snapshot, Component::Primary);
        primary.revision = Some("staging-postgres-primary-6b9c".into());
        let back = going_back(&snapshot, &both);
        assert_eq!(back.len(), 1);
        // Its only pod was made from the wrong template already.
        let mut stuck = snapshot.clone();
        fixture::instance(&mut stuck, fixture::PRIMARY).pod.ready = false;
        assert_eq!(going_back(&stuck, &both).len(), 2);
        let proposal = propose_undo(&snapshot, &both, false, None).expect("there is one");
        assert!(!proposal.is_refused());
        assert!(proposal.facts[0].starts_with("staging-postgres-replica: postgres:17 (revision"));
        assert_eq!(propose_undo(&snapshot, &[], false, None), None);
    }
}
