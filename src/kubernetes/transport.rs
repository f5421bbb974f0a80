//! The HTTP client that leads to the API: what kube would make of the same configuration, over sockets as kubectl's are.

use std::time::Duration;

use http::Uri;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Builder;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::util::option_layer;
use tower::{BoxError, Layer as _, Service, ServiceExt as _};

/// When nothing was heard for so long, and then each time after as long again, the other side is asked whether it is
/// there; so often before the connection counts as lost. As client-go does (`KeepAlive` of the dialer in its
/// `transport/cache.go`, and Go's number of probes).
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_PROBES: u32 = 9;

/// A client of the API, through the proxy that the configuration names.
///
/// # Errors
/// When the configuration can't be used.
pub(super) fn client(config: &Config) -> kube::Result<Client> {
    match &config.proxy_url {
        None => over(config, sockets()),
        Some(proxy) => match proxy.scheme_str() {
            Some("socks5") => over(config, socks(config, proxy)?),
            Some("http") => over(config, tunnel(config, proxy, sockets())),
            Some("https") => {
                let secured = config.rustls_https_connector_with_connector(sockets())?;
                over(config, tunnel(config, proxy, secured))
            }
            _ => Err(kube::Error::ProxyProtocolUnsupported {
                proxy_url: Box::new(proxy.clone()),
            }),
        },
    }
}

/// kube leaves Nagle's algorithm on: then what is sent into a pod in two pieces (every question of over 4 KiB) waits for the
/// API server's delayed acknowledgement of the first, 40 ms on Linux.
fn sockets() -> HttpConnector {
    let mut sockets = HttpConnector::new();
    sockets.enforce_http(false);
    sockets.set_nodelay(true);
    sockets.set_keepalive(Some(KEEPALIVE));
    sockets.set_keepalive_interval(Some(KEEPALIVE));
    sockets.set_keepalive_retries(Some(KEEPALIVE_PROBES));
    sockets
}

/// What the proxy's URL says of who goes through it.
fn credentials(config: &Config, proxy: &Uri) -> Option<Intercept> {
    let matcher = Matcher::builder().all(proxy.to_string()).build();
    matcher.intercept(&config.cluster_url)
}

fn tunnel<C>(config: &Config, proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let credentials = credentials(config, proxy);
    match credentials.as_ref().and_then(|it| it.basic_auth()) {
        Some(credentials) => tunnel.with_auth(credentials.clone()),
        None => tunnel,
    }
}

/// kube would leave out the credentials, and would take another port than Go does (`socksnet` in `net/http`).
fn socks(config: &Config, proxy: &Uri) -> kube::Result<SocksV5<HttpConnector>> {
    let host = proxy.host().unwrap_or_default();
    let authority = format!("{host}:{}", proxy.port_u16().unwrap_or(1080));
    let address = Uri::builder().scheme("socks5").authority(authority);
    let address = address.path_and_query("/").build();
    let address = address.map_err(kube::Error::HttpError)?;
    let socks = SocksV5::new(address, sockets());
    let credentials = credentials(config, proxy);
    Ok(match credentials.as_ref().and_then(|it| it.raw_auth()) {
        Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
        None => socks,
    })
}

fn over<C>(config: &Config, connector: C) -> kube::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin,
    C::Future: Send,
    C::Error: Into<BoxError> + std::error::Error + Send + Sync,
{
    let secured = config.rustls_https_connector_with_connector(connector)?;
    let mut limited = TimeoutConnector::new(secured);
    limited.set_connect_timeout(config.connect_timeout);
    limited.set_read_timeout(config.read_timeout);
    limited.set_write_timeout(config.write_timeout);
    let client = Builder::new(TokioExecutor::new()).build::<_, Body>(limited);
    let client = client.map_err(BoxError::from);
    let service = config.extra_headers_layer()?.layer(client);
    let service = option_layer(config.auth_layer()?).layer(service);
    let service = config.base_uri_layer().layer(service);
    Ok(Client::new(service, config.default_namespace.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_in_two_pieces_does_not_wait_for_an_acknowledgement() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("its address");
        let api = format!("http://{address}").parse().expect("an address");
        let socket = sockets().oneshot(api).await.expect("it connects");
        assert!(socket.inner().nodelay().expect("it is open"));
    }

    #[test]
    fn a_proxy_that_is_none_is_refused() {
        let mut config = Config::new("https://127.0.0.1:6443".parse().expect("an address"));
        config.proxy_url = Some("ftp://127.0.0.1:21".parse().expect("an address"));
        let error = client(&config).err().expect("nobody speaks that");
        assert!(error.to_string().contains("ftp"), "{error}");
    }
}
