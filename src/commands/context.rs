//! What every command needs: the way to the cluster, and the way to the screen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::telling::Telling;
use crate::cli::{GlobalArgs, OutputFormat};
use crate::cluster::Snapshot;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{
    ConnectOptions, Kube, KubeError, NamespaceScope, Selection, contexts, patience,
};
use crate::observe::{
    Connections, Depth, Examined, Observed, observe, observe_all, observe_and_count,
    observe_and_examine,
};
use crate::output::{Format, Given, Screen, plain, write_all_of, write_stdout};

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    /// How the result is wanted (`-o`).
    pub format: Format,
    /// What stdout is: how wide, and whether it takes colours.
    pub screen: Screen,
    /// Print the answer only.
    pub quiet: bool,
    /// How to tell what happens.
    pub(super) telling: Telling,
    /// `-v`: what is asked, and how long it takes, is told on stderr.
    pub verbose: bool,
    pub(super) connect: ConnectOptions,
    pub(super) selection: Selection,
    depth: Depth,
}

impl Context {
    /// From the options; `given` are those that every suggestion repeats. Asks nothing of anybody.
    pub fn new(global: &GlobalArgs, given: Arc<Given>, events: bool) -> Self {
        let format = match &global.output {
            OutputFormat::Table => Format::Table,
            OutputFormat::Wide => Format::Wide,
            OutputFormat::Json => Format::Json,
            OutputFormat::Yaml => Format::Yaml,
            // For as long as the process: a format is handed around as a word.
            OutputFormat::Value(field) => Format::Value(Box::leak(Box::new(field.clone()))),
        };
        Self {
            format,
            screen: Screen::of_stdout(!global.no_color, format == Format::Wide, given.clone()),
            quiet: global.quiet,
            telling: Telling::new(
                events,
                global.quiet,
                Screen::of_stderr(!global.no_color, given),
            ),
            verbose: global.verbose,
            connect: ConnectOptions {
                kubeconfig: global.kubeconfig.clone(),
                context: global.context.clone(),
                namespace: global.namespace.clone(),
                timeout: global.timeout,
            },
            selection: Selection {
                selector: global.selector.clone(),
                cluster: global.cluster.clone(),
                secret: global.secret.clone(),
            },
            depth: Depth::Databases {
                timeout: global.timeout,
            },
        }
    }

    /// Connects to the Kubernetes API.
    ///
    /// # Errors
    /// When there is no kubeconfig, or it can't be used.
    pub async fn connect(&self) -> Result<Kube, Failure> {
        Ok(Kube::connect(&self.connect).await?)
    }

    /// Connects to the Kubernetes API of another context of the kubeconfig.
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub(super) async fn connect_to(&self, context: &str) -> Result<Kube, Failure> {
        let options = ConnectOptions {
            context: Some(context.to_owned()),
            ..self.connect.clone()
        };
        Ok(Kube::connect(&options).await?)
    }

    /// The contexts of the kubeconfig.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn contexts(&self) -> Result<Vec<String>, Failure> {
        Ok(contexts(&self.connect)?)
    }

    /// Looks at the one cluster of the namespace.
    ///
    /// # Errors
    /// When the API can't be asked, or there is not exactly one cluster.
    pub async fn observe(&self, kube: &Kube) -> Result<Observed, Failure> {
        let began = Instant::now();
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let observed = observe(kube, &place, &self.selection, self.depth).await?;
        self.tell(|| {
            format!(
                "looked at {} in {:.2} s",
                observed.snapshot.cluster,
                began.elapsed().as_secs_f64()
            )
        });
        Ok(observed)
    }

    /// The same, for somebody who has to know where things are and not how all are: waits for each database no
    /// longer than `limit`.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub(super) async fn observe_within(
        &self,
        kube: &Kube,
        limit: Duration,
    ) -> Result<Observed, Failure> {
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let depth = Depth::Databases {
            timeout: limit.min(self.timeout()),
        };
        Ok(observe(kube, &place, &self.selection, depth).await?)
    }

    /// Looks at the one cluster of the namespace, and counts the sessions of clients on the way.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub(super) async fn observe_and_count(
        &self,
        kube: &Kube,
    ) -> Result<(Observed, Connections), Failure> {
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        Ok(observe_and_count(kube, &place, &self.selection, self.depth).await?)
    }

    /// Looks at the one cluster of the namespace, and at the same time at all else that `pgctl doctor` goes by.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub(super) async fn observe_and_examine(
        &self,
        kube: &Kube,
    ) -> Result<(Observed, Examined), Failure> {
        let began = Instant::now();
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let seen = observe_and_examine(kube, &place, &self.selection, self.depth).await?;
        self.tell(|| {
            format!(
                "examined {} in {:.2} s",
                seen.0.snapshot.cluster,
                began.elapsed().as_secs_f64()
            )
        });
        Ok(seen)
    }

    /// Looks at the objects of the one cluster of the namespace, and asks no database.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub(super) async fn observe_objects(&self, kube: &Kube) -> Result<Snapshot, Failure> {
        let place = NamespaceScope::Namespace(kube.namespace().to_owned());
        let seen = observe(kube, &place, &self.selection, Depth::Objects).await?;
        Ok(seen.snapshot)
    }

    /// Looks at every cluster in a place.
    ///
    /// # Errors
    /// When the API can't be asked, or there is no cluster.
    pub(super) async fn observe_all(
        &self,
        kube: &Kube,
        place: &NamespaceScope,
    ) -> Result<Vec<Observed>, KubeError> {
        let began = Instant::now();
        let observed = observe_all(kube, place, &self.selection, self.depth).await?;
        self.tell(|| {
            format!(
                "looked at {} clusters of {} in {:.2} s",
                observed.len(),
                kube.context(),
                began.elapsed().as_secs_f64()
            )
        });
        Ok(observed)
    }

    /// Prints a result.
    ///
    /// # Errors
    /// When stdout can't be written to.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        write_stdout(text).map_err(|error| cannot_write(&error))
    }

    /// Prints much, however slow its reader is: Ctrl-C ends the command all the same.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub(super) async fn print_all(&self, text: String) -> Result<(), Failure> {
        let written = write_all_of(text).await;
        written.map(drop).map_err(|error| cannot_write(&error))
    }

    /// The options that every suggestion repeats.
    pub(super) fn given(&self) -> &Arc<Given> {
        &self.screen.given
    }

    /// The screen for what is not the result.
    pub(super) fn stderr(&self) -> Screen {
        Screen::of_stderr(self.screen.color, self.given().clone())
    }

    /// How long one answer may take.
    pub fn timeout(&self) -> std::time::Duration {
        self.connect.timeout
    }

    /// How long something is waited for that has `usual` where nobody gives `--timeout`.
    pub(super) fn patience(&self, usual: Duration) -> Duration {
        patience(usual, self.timeout())
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.telling.say(&format!("{}\n", plain(&text())));
        }
    }
}

/// stdout can't be written to (a full disk, most often).
pub(super) fn cannot_write(error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Failed, "the result can't be written to stdout")
        .caused_by(error)
        .next("free space where it is written, or write elsewhere")
}

impl From<KubeError> for Failure {
    fn from(error: KubeError) -> Self {
        let exit = match &error {
            // What was typed, or what it refers to, does not exist.
            KubeError::NoConfig { .. }
            | KubeError::BadConfig { .. }
            | KubeError::NoSuchContext { .. }
            | KubeError::NoSuchNamespace { .. }
            | KubeError::NoCluster { .. }
            | KubeError::NoSuchCluster { .. }
            | KubeError::SeveralClusters { .. } => ExitCode::Usage,
            KubeError::Forbidden { .. } => ExitCode::Refused,
            KubeError::Unreachable { .. }
            | KubeError::ServerCertificateExpired { .. }
            | KubeError::ServerCertificateInvalid { .. }
            | KubeError::ClientCertificateExpired { .. }
            | KubeError::Unauthorized { .. }
            | KubeError::LoginFailed { .. }
            | KubeError::TimedOut { .. }
            | KubeError::StreamLost { .. } => ExitCode::Unreachable,
            KubeError::NotFound { .. }
            | KubeError::Conflict { .. }
            | KubeError::AlreadyExists { .. }
            | KubeError::BadSecret { .. }
            | KubeError::BadCertificate { .. }
            | KubeError::NoAuthority { .. }
            | KubeError::CommandFailed { .. }
            | KubeError::Unexpected { .. }
            | KubeError::Api { .. } => ExitCode::Failed,
        };
        Self::new(exit, plain(&error.to_string())).next(error.advice())
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::command;
    use crate::kubernetes::USUAL_TIMEOUT;

    #[test]
    fn the_usual_timeout_is_that_which_nobody_has_to_give() {
        let command = command();
        let mut options = command.get_arguments();
        let timeout = options.find(|it| it.get_long() == Some("timeout"));
        let given = timeout.expect("--timeout").get_default_values();
        let given: Vec<_> = given.iter().filter_map(|it| it.to_str()).collect();
        assert_eq!(given, [format!("{}s", USUAL_TIMEOUT.as_secs())]);
    }
}
