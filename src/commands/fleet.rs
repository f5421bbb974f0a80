//! Many clusters in one look: those of all namespaces, of several contexts, or both.

use futures::future::join_all;

use super::context::Context;
use crate::cli::FleetArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, KubeError, NamespaceScope, ThrowAwaysFound};
use crate::observe::Observed;
use crate::output::FleetView;

/// What `--contexts` takes for "every context of the kubeconfig".
const ALL: &str = "all";

/// The APIs that are looked at, and how far.
pub(super) struct Fleet {
    /// The command that looks in all namespaces of all contexts.
    everywhere: &'static str,
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
pub(super) struct FleetLook<T> {
    /// By context, namespace and name. The context is none without `--contexts`.
    pub(super) clusters: Vec<(Option<String>, T)>,
    /// The contexts that can't be looked at, and why. Never silently missing.
    pub(super) unreached: Vec<(String, Failure)>,
    /// Contexts that answer and have no cluster (with `--contexts all`).
    pub(super) empty: Vec<String>,
}

impl<T> FleetLook<T> {
    /// As it is shown, with what is to be said of each cluster.
    pub(super) fn view<'a, V>(&'a self, of: impl Fn(&'a T) -> V) -> FleetView<'a, V> {
        let clusters = self.clusters.iter();
        FleetView {
            clusters: clusters
                .map(|(context, seen)| (context.as_deref(), of(seen)))
                .collect(),
            unreached: &self.unreached,
            empty: &self.empty,
        }
    }

    /// How the command ends when it would end so by the clusters that were looked at: nobody knows how
    /// the others are.
    pub(super) fn exit(&self, seen: ExitCode) -> ExitCode {
        match seen {
            ExitCode::Done if !self.unreached.is_empty() => ExitCode::Unhealthy,
            exit => exit,
        }
    }
}

impl Fleet {
    /// Asks nothing of the APIs yet, except without `--contexts`.
    ///
    /// # Errors
    /// When the kubeconfig can't be read, or does not have a context that is named.
    pub(super) async fn new(
        context: &Context,
        everywhere: &'static str,
        args: &FleetArgs,
    ) -> Result<Self, Failure> {
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
            everywhere,
            members,
            all_namespaces: args.all_namespaces,
            named,
        })
    }

    /// Looks at all of them at once, and `more` at the clusters of each API. One that does not answer costs
    /// its row, and no more time than the others' time limit.
    ///
    /// # Errors
    /// When none can be looked at, or none has a cluster.
    pub(super) async fn look<T>(
        &mut self,
        context: &Context,
        more: impl AsyncFn(&Kube, &NamespaceScope, Vec<Observed>) -> Vec<T>,
    ) -> Result<FleetLook<T>, Failure> {
        self.ask(context, async |kube, place| {
            let observed = context.observe_all(kube, place).await?;
            Ok(more(kube, place, observed).await)
        })
        .await
    }

    /// The same, and looks for throw-away servers at the same time.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(super) async fn look_also_beside<T>(
        &mut self,
        context: &Context,
        more: impl AsyncFn(&Kube, &NamespaceScope, Vec<Observed>, ThrowAwaysFound) -> Vec<T>,
    ) -> Result<FleetLook<T>, Failure> {
        self.ask(context, async |kube, place| {
            let found = async { Ok::<_, KubeError>(kube.throw_aways(place).await) };
            let (observed, found) = futures::try_join!(context.observe_all(kube, place), found)?;
            Ok(more(kube, place, observed, found).await)
        })
        .await
    }

    /// Asks all of them at once what `question` asks of one. One that does not answer costs its row.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(super) async fn ask<T>(
        &mut self,
        context: &Context,
        question: impl AsyncFn(&Kube, &NamespaceScope) -> Result<Vec<T>, KubeError>,
    ) -> Result<FleetLook<T>, Failure> {
        let all_namespaces = self.all_namespaces;
        let looks = join_all(self.members.iter_mut().map(async |member| {
            let name = member.context.clone();
            (name, member.ask(context, all_namespaces, &question).await)
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
            .next(format!("look in all namespaces: {}", self.everywhere))),
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
    async fn ask<T>(
        &mut self,
        context: &Context,
        all_namespaces: bool,
        question: &impl AsyncFn(&Kube, &NamespaceScope) -> Result<Vec<T>, KubeError>,
    ) -> Result<Vec<T>, Unlooked> {
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
        match question(&kube, &place).await {
            Ok(clusters) => Ok(clusters),
            Err(
                error @ (KubeError::NoCluster { .. }
                | KubeError::NoSuchCluster { .. }
                | KubeError::NoSuchNamespace { .. }),
            ) => Err(Unlooked::NoCluster(error.into())),
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
