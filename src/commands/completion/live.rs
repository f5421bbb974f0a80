//! Names that somebody has to be asked for: the Kubernetes API, the kubeconfig, the store. No database is asked, and
//! no Secret is read. Whatever goes wrong, there are none.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::candidate::Candidate;
use super::kind::Kind;
use super::place::Place;
use crate::backup::store::{Location, blocking, default_location};
use crate::cluster::tail_of;
use crate::kubernetes::{
    ConnectOptions, Kube, KubeError, NamespaceScope, Selection, context_namespaces, contexts,
};

/// Whom to ask for what, as the command line and the environment say.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    kind: Kind,
    connect: ConnectOptions,
    selection: Selection,
    store: Option<String>,
}

impl Question {
    /// `variable` reads the environment.
    pub(super) fn new(
        kind: Kind,
        place: &Place<'_>,
        limit: Duration,
        variable: &impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let given = |id: &str| {
            let mut all = place.command.get_arguments();
            let argument = all.find(|it| it.get_id() == id)?;
            let typed = place.given.values(id).last().cloned();
            let set = || variable(argument.get_env()?.to_str()?)?.into_string().ok();
            typed.or_else(set).filter(|it| !it.is_empty())
        };
        // The shell expands it only once the line is run.
        let path = |id: &str| {
            let text = given(id)?;
            Some(match (text.strip_prefix("~/"), std::env::home_dir()) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => PathBuf::from(text),
            })
        };
        Self {
            kind,
            connect: ConnectOptions {
                kubeconfig: path("kubeconfig"),
                context: given("context"),
                namespace: given("namespace"),
                timeout: limit,
            },
            selection: Selection {
                selector: given("selector"),
                cluster: given("cluster").filter(|_| kind != Kind::Clusters),
                secret: None,
            },
            store: path("store").and_then(|it| it.into_os_string().into_string().ok()),
        }
    }

    /// Asks. Dropping this ends everything that it has begun.
    pub(super) async fn ask(self) -> Vec<Candidate> {
        let names = match self.kind {
            Kind::Contexts => contexts(&self.connect).ok(),
            Kind::Namespaces => self.namespaces().await,
            Kind::Clusters => self.clusters().await,
            Kind::Backups => self.backups().await,
            Kind::Pods => return pods(self.pods().await.unwrap_or_default()),
            Kind::Assignments
            | Kind::Checks
            | Kind::Codes
            | Kind::Files
            | Kind::Folders
            | Kind::Formats
            | Kind::Settings
            | Kind::Stated => None,
        };
        let names = names.unwrap_or_default();
        names.iter().filter_map(|it| Candidate::named(it)).collect()
    }

    /// Those of the API; for who may not list them, those that the kubeconfig has for its cluster.
    async fn namespaces(&self) -> Option<Vec<String>> {
        let kube = Kube::connect(&self.connect).await.ok()?;
        match kube.namespace_names().await {
            Ok(names) => Some(names),
            Err(KubeError::Forbidden { .. }) => context_namespaces(&self.connect).ok(),
            Err(_) => None,
        }
    }

    async fn clusters(&self) -> Option<Vec<String>> {
        let kube = Kube::connect(&self.connect).await.ok()?;
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        kube.cluster_names(&place, &self.selection).await.ok()
    }

    async fn pods(&self) -> Option<Vec<String>> {
        let kube = Kube::connect(&self.connect).await.ok()?;
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        kube.pod_names(&place, &self.selection).await.ok()
    }

    /// The newest first, as their names say.
    async fn backups(&self) -> Option<Vec<String>> {
        let location = match &self.store {
            Some(given) => given.parse::<Location>().ok()?,
            None => default_location()?,
        };
        let store = location.open().ok()?;
        let mut names = blocking(move || store.list()).await.ok()?.finished;
        let taken = |name: &String| name.split('_').nth(2).map(str::to_owned);
        names.sort_by_key(|it| Reverse(taken(it)));
        Some(names)
    }
}

/// Pods by their tails, which every command takes, and in full.
fn pods(mut names: Vec<String>) -> Vec<Candidate> {
    names.retain(|it| Candidate::named(it).is_some());
    names.sort();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let tails = all.iter().map(|it| (tail_of(it, &all), *it));
    let tails = tails.filter(|(tail, name)| tail != name);
    let tails = tails.map(|(tail, name)| Candidate::new(tail, name));
    tails
        .chain(all.iter().map(|it| Candidate::new(*it, "")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    fn question(line: &str, environment: &[(&str, &str)]) -> Question {
        let mut root = crate::cli::command();
        root.build();
        let words = line::words(line);
        let place = Place::find(&root, &words, "");
        let variable = |name: &str| {
            let mut all = environment.iter();
            all.find(|(it, _)| *it == name)
                .map(|(_, value)| OsString::from(value))
        };
        Question::new(Kind::Pods, &place, Duration::from_secs(1), &variable)
    }

    #[test]
    fn what_is_typed_goes_before_the_environment() {
        let asked = question(
            "-n shop --kubeconfig /k psql --cluster=b -l app=x --store s3://b/p",
            &[
                ("PGCTL_NAMESPACE", "other"),
                ("PGCTL_CONTEXT", "west"),
                ("PGCTL_SELECTOR", ""),
            ],
        );
        assert_eq!(asked.connect.namespace.as_deref(), Some("shop"));
        assert_eq!(asked.connect.context.as_deref(), Some("west"));
        assert_eq!(
            asked.connect.kubeconfig.as_deref(),
            Some(std::path::Path::new("/k"))
        );
        assert_eq!(
            asked.selection.label_selector(),
            "app=x,app.kubernetes.io/instance=b"
        );
        let asked = question("restore --store s3://b/p", &[("PGCTL_SELECTOR", "")]);
        assert_eq!(asked.store.as_deref(), Some("s3://b/p"));
        assert_eq!(asked.selection.selector, None);
    }

    #[test]
    fn pods_are_offered_by_their_tails_and_in_full() {
        let names = [
            "postgres-replica-0",
            "postgres-primary-0",
            "x\u{1b}[2J",
            "$(id)",
        ];
        let found = pods(names.map(str::to_owned).to_vec());
        let texts: Vec<&str> = found.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "primary-0",
                "replica-0",
                "postgres-primary-0",
                "postgres-replica-0"
            ]
        );
        let one = pods(vec!["postgres-primary-0".to_owned()]);
        assert_eq!(one, [Candidate::new("postgres-primary-0", "")]);
    }
}
