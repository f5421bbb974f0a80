//! The connection to the Kubernetes API: where it is, who is asking, in which namespace.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::KubeError;
use super::login::{Login, LoginError, LoginFailure, Source};
use super::patience::patience;
use super::proxy::{FromEnvironment, proxy};

/// The longest that a TCP connection to the API server may take, where `--timeout` is as usual.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where to find the API, as given by flags or the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `--kubeconfig`: else `KUBECONFIG` (may be several files), else `~/.kube/config`, else the
    /// service account of the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`: else the current one.
    pub context: Option<String>,
    /// `-n`: else the context's namespace, else `default`.
    pub namespace: Option<String>,
    /// `--timeout`: how long one request may take, with its repetitions.
    pub timeout: Duration,
}

/// A connection to the API of one Kubernetes cluster.
#[derive(Clone)]
pub struct Kube {
    client: Client,
    about: Arc<About>,
}

/// What is known of a connection.
struct About {
    /// What gives the client's requests their credentials; none with a client made elsewhere.
    login: Option<Login>,
    server: String,
    context: String,
    namespace: String,
    timeout: Duration,
    /// `notAfter` of the client certificate, when there is one.
    certificate_expires: Option<Timestamp>,
}

impl std::fmt::Debug for Kube {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kube")
            .field("server", &self.about.server)
            .field("context", &self.about.context)
            .field("namespace", &self.about.namespace)
            .finish_non_exhaustive()
    }
}

impl Kube {
    /// Reads the kubeconfig (or the service account), logs in as it says (a credential plugin is run
    /// once, for no longer than the time limit) and makes a client. Asks nothing of the API.
    ///
    /// # Errors
    /// When there is no kubeconfig, it can't be used, or the login failed.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, KubeError> {
        let (mut config, context) = load(options).await?;
        config.connect_timeout = Some(patience(CONNECT_TIMEOUT, options.timeout));
        // kube would repeat every verb 15 times; `call.rs` says what is repeated here.
        config.default_retry = false;
        let bad = |reason: String| KubeError::BadConfig {
            file: described(options),
            reason,
        };
        let server = without_userinfo(&config.cluster_url);
        let namespace = options
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let failed = |error: LoginError| {
            if error.is_of_the_file() {
                bad(error.to_string())
            } else {
                KubeError::LoginFailed {
                    server: server.clone(),
                    context: context.clone(),
                    error: Box::new(error),
                }
            }
        };
        let source = Source::take(&mut config.auth_info).map_err(failed)?;
        let own_certificate = client_certificate(&config.auth_info);
        let login = Login::new(source, config, options.timeout).await;
        let login = login.map_err(|failure| match failure {
            LoginFailure::Login(error) => failed(error),
            LoginFailure::Client(error) => bad(error.to_string()),
        })?;
        let certificate_expires = match login.certificate().await {
            Some(pem) => super::certificate::not_after(&pem),
            None => own_certificate.and_then(|pem| super::certificate::not_after(&pem)),
        };
        Ok(Self {
            client: login.client(),
            about: Arc::new(About {
                login: Some(login),
                server,
                context,
                namespace,
                timeout: options.timeout,
                certificate_expires,
            }),
        })
    }

    /// With a client made elsewhere (tests).
    pub fn from_client(client: Client, namespace: &str, timeout: Duration) -> Self {
        Self {
            client,
            about: Arc::new(About {
                login: None,
                server: "https://test".to_owned(),
                context: "test".to_owned(),
                namespace: namespace.to_owned(),
                timeout,
                certificate_expires: None,
            }),
        }
    }

    /// kube's client.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Address of the API server.
    pub fn server(&self) -> &str {
        &self.about.server
    }

    /// Name of the context in use; `in-cluster` for a pod's service account.
    pub fn context(&self) -> &str {
        &self.about.context
    }

    /// The namespace that was asked for, or the context's own.
    pub fn namespace(&self) -> &str {
        &self.about.namespace
    }

    /// How long one request may take.
    pub fn timeout(&self) -> Duration {
        self.about.timeout
    }

    /// How long something is waited for that has `usual` where nobody gives `--timeout`.
    pub fn patience(&self, usual: Duration) -> Duration {
        patience(usual, self.timeout())
    }

    /// Whether a request that was answered with 401 will be sent with other credentials next time:
    /// these were accepted before, and have run out.
    pub(crate) async fn will_renew(&self) -> bool {
        match &self.about.login {
            Some(login) => login.will_renew().await,
            None => false,
        }
    }

    /// Why the API answers 401: with a client certificate, most often because it expired.
    pub(crate) fn unauthorized(&self, reason: String) -> KubeError {
        match self.about.certificate_expires {
            Some(expired) if expired < Timestamp::now() => KubeError::ClientCertificateExpired {
                server: self.about.server.clone(),
                expired,
                context: self.about.context.clone(),
            },
            _ => KubeError::Unauthorized {
                server: self.about.server.clone(),
                context: self.about.context.clone(),
                reason,
            },
        }
    }
}

/// The contexts of the kubeconfig, sorted. None inside a pod without one.
///
/// # Errors
/// When the kubeconfig can't be read.
pub fn contexts(options: &ConnectOptions) -> Result<Vec<String>, KubeError> {
    let file = described(options);
    let bad = |error: KubeconfigError| KubeError::BadConfig {
        file: file.clone(),
        reason: unusable(&error),
    };
    let contexts = read(options, &bad)?.map_or_else(Vec::new, |it| it.contexts);
    let mut names: Vec<String> = contexts.into_iter().map(|it| it.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The namespaces that the kubeconfig has in its contexts of the cluster that is asked, sorted.
///
/// # Errors
/// When the kubeconfig can't be read.
pub fn context_namespaces(options: &ConnectOptions) -> Result<Vec<String>, KubeError> {
    let file = described(options);
    let bad = |error: KubeconfigError| KubeError::BadConfig {
        file: file.clone(),
        reason: unusable(&error),
    };
    let Some(kubeconfig) = read(options, &bad)? else {
        return Ok(Vec::new());
    };
    let context = options
        .context
        .as_ref()
        .or(kubeconfig.current_context.as_ref());
    let named = kubeconfig.contexts.iter();
    let named: Vec<_> = named
        .filter_map(|it| Some((&it.name, it.context.as_ref()?)))
        .collect();
    let asked = named.iter().find(|(name, _)| Some(*name) == context);
    let Some((_, asked)) = asked else {
        return Ok(Vec::new());
    };
    let same = named.iter().filter(|(_, it)| it.cluster == asked.cluster);
    let mut namespaces: Vec<String> = same.filter_map(|(_, it)| it.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    Ok(namespaces)
}

/// The current context of the kubeconfig; none when it has none, or can't be read (which whoever connects is told).
pub fn current_context(kubeconfig: Option<&Path>) -> Option<String> {
    let read = match kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let name = read.ok()?.current_context?;
    (!name.is_empty()).then_some(name)
}

/// The kubeconfig in words, for messages.
fn described(options: &ConnectOptions) -> String {
    match &options.kubeconfig {
        Some(file) => file.display().to_string(),
        None => std::env::var("KUBECONFIG")
            .ok()
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| "~/.kube/config".to_owned()),
    }
}

/// Why a kubeconfig can't be used. The parser's own words quote the lines around the mistake, and
/// those may hold a token or a key: only the place is said.
fn unusable(error: &KubeconfigError) -> String {
    let KubeconfigError::Parse(yaml) = error else {
        return error.to_string();
    };
    match yaml.location() {
        Some(place) => format!("line {} is not what a kubeconfig has there", place.line()),
        None => "it is not YAML of a kubeconfig".to_owned(),
    }
}

async fn load(options: &ConnectOptions) -> Result<(Config, String), KubeError> {
    let file = described(options);
    let bad = |error: KubeconfigError| KubeError::BadConfig {
        file: file.clone(),
        reason: unusable(&error),
    };
    let Some(kubeconfig) = read(options, &bad)? else {
        // Nothing that a person set up: inside a pod the service account says all there is to say.
        let config = Config::incluster().map_err(|_| KubeError::NoConfig {
            looked: PathBuf::from(&file),
        })?;
        return Ok((config, "in-cluster".to_owned()));
    };
    let known: Vec<String> = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
    let context = options.context.clone().or_else(|| {
        kubeconfig
            .current_context
            .clone()
            .filter(|name| !name.is_empty())
    });
    let Some(context) = context else {
        return Err(KubeError::BadConfig {
            file,
            reason: format!(
                "it sets no current-context; choose one with --context: {}",
                known.join(", ")
            ),
        });
    };
    if !known.contains(&context) {
        return Err(KubeError::NoSuchContext {
            file,
            context,
            known,
        });
    }
    let wanted = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let own = proxy_of(&kubeconfig, &context);
    let kubeconfig = with_scheme(kubeconfig);
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &wanted)
        .await
        .map_err(bad)?;
    // kube looks up the proxy's own address in NO_PROXY.
    config.proxy_url = proxy(
        &config.cluster_url,
        own.as_deref(),
        &FromEnvironment::read(),
    )
    .map_err(|reason| KubeError::BadConfig { file, reason })?;
    Ok((config, context))
}

/// The kubeconfig; none when nobody set one up.
fn read(
    options: &ConnectOptions,
    bad: &impl Fn(KubeconfigError) -> KubeError,
) -> Result<Option<Kubeconfig>, KubeError> {
    if let Some(file) = &options.kubeconfig {
        return Kubeconfig::read_from(file).map(Some).map_err(bad);
    }
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if let Some(first) = listed.first() {
        // As kubectl does: of a list, those that are there.
        let there: Vec<&PathBuf> = listed.iter().filter(|path| path.exists()).collect();
        let files = if there.is_empty() { vec![first] } else { there };
        let merged = files
            .into_iter()
            .try_fold(Kubeconfig::default(), |all, path| {
                Kubeconfig::read_from(path).and_then(|next| all.merge(next))
            });
        return merged.map(Some).map_err(bad);
    }
    match Kubeconfig::read() {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        Err(error) => Err(bad(error)),
    }
}

/// An address without a scheme means https where anything is said of certificates, else http: as
/// client-go has it (`rest.DefaultServerURL`). kube takes none without.
fn with_scheme(mut kubeconfig: Kubeconfig) -> Kubeconfig {
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .filter_map(|it| it.cluster.as_mut())
    {
        let tls = cluster.certificate_authority.is_some()
            || cluster.certificate_authority_data.is_some()
            || cluster.insecure_skip_tls_verify == Some(true);
        if let Some(server) = &mut cluster.server
            && !server.contains("://")
        {
            *server = format!("{}://{server}", if tls { "https" } else { "http" });
        }
    }
    kubeconfig
}

/// An address as it may be shown: a URL can hold a password.
fn without_userinfo(url: &http::Uri) -> String {
    let text = url.to_string();
    let text = text.trim_end_matches('/');
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, ""),
            };
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => text.to_owned(),
    }
}

/// `proxy-url` of a context's cluster.
fn proxy_of(kubeconfig: &Kubeconfig, context: &str) -> Option<String> {
    let contexts = kubeconfig.contexts.iter();
    let context = contexts
        .filter(|it| it.name == context)
        .find_map(|it| it.context.as_ref())?;
    let clusters = kubeconfig.clusters.iter();
    let cluster = clusters
        .filter(|it| it.name == context.cluster)
        .find_map(|it| it.cluster.as_ref())?;
    cluster.proxy_url.clone().filter(|url| !url.is_empty())
}

fn client_certificate(auth: &kube::config::AuthInfo) -> Option<Vec<u8>> {
    use base64::Engine as _;
    if let Some(data) = &auth.client_certificate_data {
        return base64::engine::general_purpose::STANDARD.decode(data).ok();
    }
    std::fs::read(auth.client_certificate.as_ref()?).ok()
}
