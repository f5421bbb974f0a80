//! Through which proxy the API server is reached: as kubectl decides it.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// What the environment says of proxies. Go reads the names in capitals first
/// (`golang.org/x/net/http/httpproxy`).
#[derive(Debug, Default)]
pub(super) struct FromEnvironment {
    /// `HTTPS_PROXY`.
    pub(super) proxy: Option<String>,
    /// `NO_PROXY`.
    pub(super) no_proxy: Option<String>,
}

impl FromEnvironment {
    pub(super) fn read() -> Self {
        let get = |names: [&str; 2]| {
            let values = names.iter().filter_map(|name| std::env::var(name).ok());
            values.into_iter().find(|value| !value.is_empty())
        };
        Self {
            proxy: get(["HTTPS_PROXY", "https_proxy"]),
            no_proxy: get(["NO_PROXY", "no_proxy"]),
        }
    }
}

/// The proxy for `server`, with the credentials that its URL has. `own` is the `proxy-url` of the
/// cluster, which counts whatever the environment says.
///
/// # Errors
/// Why it can't be used, without its credentials.
pub(super) fn proxy(
    server: &Uri,
    own: Option<&str>,
    environment: &FromEnvironment,
) -> Result<Option<Uri>, String> {
    if let Some(own) = own {
        return usable(own, "proxy-url").map(Some);
    }
    let Some(url) = environment.proxy.as_deref() else {
        return Ok(None);
    };
    if server.scheme_str() != Some("https") || is_loopback(server) {
        return Ok(None);
    }
    let url = usable(url, "HTTPS_PROXY")?;
    // Only whether: what it would say of the URL lacks the credentials.
    let through = Matcher::builder()
        .https("http://proxy.invalid")
        .no(environment.no_proxy.as_deref().unwrap_or_default())
        .build();
    Ok(through.intercept(server).map(|_| url))
}

/// Go never takes a proxy to this machine itself.
fn is_loopback(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn usable(url: &str, from: &str) -> Result<Uri, String> {
    // Without a scheme it means http.
    let whole = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let parsed: Uri = whole
        .parse()
        .map_err(|_| format!("{from} is no URL of a proxy"))?;
    match parsed.scheme_str() {
        Some("http" | "https" | "socks5") if parsed.host().is_some() => Ok(parsed),
        scheme => Err(format!(
            "{from} names a proxy that is spoken to by {}; http://, https:// and socks5:// can be used",
            scheme.unwrap_or("nothing that is known")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, own: Option<&str>, proxy_: &str, no: &str) -> Option<String> {
        let server: Uri = server.parse().expect("a URL");
        let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let environment = FromEnvironment {
            proxy: set(proxy_),
            no_proxy: set(no),
        };
        proxy(&server, own, &environment)
            .expect("it can be used")
            .map(|url| url.to_string())
    }

    #[test]
    fn the_environment_counts_unless_it_excepts_the_server() {
        let server = "https://api.example.com:6443";
        let with = "http://bob:hunter2@proxy.corp:3128";
        let found = chosen(server, None, with, "");
        assert_eq!(
            found.as_deref(),
            Some("http://bob:hunter2@proxy.corp:3128/")
        );
        for no in [
            "api.example.com",
            ".example.com",
            "*",
            "10.0.0.0/8,example.com",
        ] {
            assert_eq!(chosen(server, None, with, no), None, "{no}");
        }
        // The proxy's own name in NO_PROXY says nothing about the server.
        assert!(chosen(server, None, with, "proxy.corp").is_some());
        assert_eq!(
            chosen("https://10.1.2.3:6443", None, with, "10.0.0.0/8"),
            None
        );
        assert_eq!(chosen("https://127.0.0.1:6443", None, with, ""), None);
        assert_eq!(chosen("https://[::1]:6443", None, with, ""), None);
        assert_eq!(
            chosen(server, None, "proxy.corp:3128", "").as_deref(),
            Some("http://proxy.corp:3128/")
        );
    }

    #[test]
    fn the_clusters_own_proxy_counts_before_the_environment() {
        let own = Some("socks5://jump:1080");
        let found = chosen("https://127.0.0.1:6443", own, "http://other:1", "*");
        assert_eq!(found.as_deref(), Some("socks5://jump:1080/"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let server: Uri = "https://api.example.com".parse().expect("a URL");
        for url in ["ftp://bob:hunter2@proxy:1", "http://bob:hunter2@ /"] {
            let said = proxy(&server, Some(url), &FromEnvironment::default());
            let said = said.expect_err("it can't be used");
            assert!(
                said.contains("proxy-url") && !said.contains("hunter2"),
                "{said}"
            );
        }
    }
}
