//! Many clusters in one look: those of all namespaces, of several contexts, or both.

use futures::future::join_all;

use super::context::Context;
use crate::cli::FleetArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, KubeError, NamespaceScope};
use crate::observe::Observed;

/// What `--contexts` takes for "every context of the kubeconfig".
const ALL: &str = "all";

/// The APIs that are looked at, and how far.
pub(super) struct Fleet {
    members: Vec<Member>,
    all_namespaces: bool,
    /// Whether the contexts were named: then one without a cluster is a mistake.
    named: bool,
}

/// One API. It is connected to by the first look that can.
struct Member {
    /// As `--contexts` names it; none without.
    context: Option<String>,
    kube: Option<Kube>,
}

/// What one look at a fleet has found.
pub(super) struct FleetLook {
    /// By context, namespace and name. The context is none without `--contexts`.
    pub(super) clusters: Vec<(Option<String>, Observed)>,
    /// The contexts that can't be looked at, and why. Never silently missing.
    pub(super) unreached: Vec<(String, Failure)>,
    /// Contexts that answer and have no cluster (with `--contexts all`).
    pub(super) empty: Vec<String>,
}

impl Fleet {
    /// Asks nothing of the APIs yet, except without `--contexts`.
    ///
    /// # Errors
    /// When the kubeconfig can't be read, or does not have a context that is named.
    pub(super) async fn new(context: &Context, args: &FleetArgs) -> Result<Self, Failure> {
        let named = !args.contexts.iter().any(|name| name == ALL);
        let members = if args.contexts.is_empty() {
            vec![Member {
                context: None,
                kube: Some(context.connect().await?),
            }]
        } else {
            let known = context.contexts()?;
            let mut wanted = if named {
                args.contexts.clone()
            } else {
                known.clone()
            };
            wanted.sort();
            wanted.dedup();
            if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
                return Err(no_such_context(unknown, &known));
            }
            if wanted.is_empty() {
                let what = "--contexts all: there is no kubeconfig with a context";
                return Err(Failure::new(ExitCode::Usage, what).next("kubectl config get-contexts"));
            }
            let member = |name: String| Member {
                context: Some(name),
                kube: None,
            };
            wanted.into_iter().map(member).collect()
        };
        Ok(Self {
            members,
            all_namespaces: args.all_namespaces,
            named,
        })
    }

    /// Looks at all of them at once. One that does not answer costs its row, and no more time than
    /// the others' time limit.
    ///
    /// # Errors
    /// When none can be looked at, or none has a cluster.
    pub(super) async fn look(&mut self, context: &Context) -> Result<FleetLook, Failure> {
        let all_namespaces = self.all_namespaces;
        let looks = join_all(self.members.iter_mut().map(async |member| {
            let name = member.context.clone();
            (name, member.look(context, all_namespaces).await)
        }))
        .await;
        let mut found = FleetLook {
            clusters: Vec::new(),
            unreached: Vec::new(),
            empty: Vec::new(),
        };
        for (name, look) in looks {
            match (name, look) {
                (name, Ok(clusters)) => {
                    let of = |observed| (name.clone(), observed);
                    found.clusters.extend(clusters.into_iter().map(of));
                }
                (None, Err(failure)) => return Err(failure.told()),
                (Some(name), Err(Unlooked::NoCluster(_))) if !self.named => found.empty.push(name),
                (Some(name), Err(failure)) => found.unreached.push((name, failure.told())),
            }
        }
        match (found.clusters.is_empty(), found.unreached.first()) {
            (true, Some((name, first))) => {
                let mut failure = first.clone();
                failure.what = format!("context {name:?}: {}", first.what);
                if self.members.len() > 1 {
                    failure = failure.because("no other context has shown a cluster either");
                }
                Err(failure)
            }
            (true, None) => Err(Failure::new(
                ExitCode::Usage,
                format!("no context has a cluster: {}", found.empty.join(", ")),
            )
            .next("look in all namespaces: pgctl status -A --contexts all")),
            (false, _) => Ok(found),
        }
    }
}

/// Why there is nothing of a context.
enum Unlooked {
    NoCluster(Failure),
    Other(Failure),
}

impl Unlooked {
    fn told(self) -> Failure {
        match self {
            Self::NoCluster(failure) | Self::Other(failure) => failure,
        }
    }
}

impl Member {
    async fn look(
        &mut self,
        context: &Context,
        all_namespaces: bool,
    ) -> Result<Vec<Observed>, Unlooked> {
        let kube = match (&self.kube, &self.context) {
            (Some(kube), _) => kube.clone(),
            (None, Some(name)) => context.connect_to(name).await.map_err(Unlooked::Other)?,
            (None, None) => context.connect().await.map_err(Unlooked::Other)?,
        };
        self.kube = Some(kube.clone());
        let place = match all_namespaces {
            true => NamespaceScope::AllNamespaces,
            false => NamespaceScope::Namespace(kube.namespace().to_owned()),
        };
        match context.observe_all(&kube, &place).await {
            Ok(observed) => Ok(observed),
            Err(error @ (KubeError::NoCluster { .. } | KubeError::NoSuchNamespace { .. })) => {
                Err(Unlooked::NoCluster(error.into()))
            }
            Err(error) => Err(Unlooked::Other(error.into())),
        }
    }
}

fn no_such_context(name: &str, known: &[String]) -> Failure {
    let what = format!("the kubeconfig has no context {name:?}");
    let failure = Failure::new(ExitCode::Usage, what);
    match known {
        [] => failure.because("it has none"),
        known => failure.because(format!("it has: {}", known.join(", "))),
    }
    .next("kubectl config get-contexts")
}
