//! The way that Prometheus asks: HTTP/1.1, `GET /metrics` and `GET /healthz`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Says in seconds how long Prometheus waits.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// Prometheus waits for 10 s unless it is told otherwise, and drops what comes later.
const PATIENCE: Duration = Duration::from_secs(8);
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// Connections at the same time: more are a mistake, or worse.
const MOST: usize = 64;

/// Answers until it is dropped. `tell` makes the exposition within the time that it is given.
pub(super) async fn serve<F>(
    listener: TcpListener,
    tell: impl Fn(Duration) -> F + Send + Sync + 'static,
) -> std::io::Result<()>
where
    F: Future<Output = String> + Send + 'static,
{
    let tell = Arc::new(tell);
    let seats = Arc::new(tokio::sync::Semaphore::new(MOST));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return Ok(());
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // No file left, a connection that was gone again: others go on.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let tell = Arc::clone(&tell);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&tell), request));
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE)
                .serve_connection(TokioIo::new(stream), service);
            // Who asked is gone: nobody is left to be told.
            serving.await.ok();
            drop(seat);
        });
    }
}

async fn answer<F>(
    tell: Arc<impl Fn(Duration) -> F>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    F: Future<Output = String>,
{
    let (method, patience) = (request.method().clone(), patience(&request));
    let path = request.uri().path().to_owned();
    drop(request);
    let response = match (&method, path.as_str()) {
        (&Method::GET, "/metrics") => text(StatusCode::OK, OPEN_METRICS, tell(patience).await),
        // It says that this process answers: a cluster that is ill is no reason to start it anew.
        (&Method::GET, "/healthz") => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
        (&Method::GET, "/") => {
            let page = "pgctl metrics: GET /metrics, GET /healthz\n";
            text(StatusCode::OK, PLAIN, page.to_owned())
        }
        (&Method::GET, _) => text(StatusCode::NOT_FOUND, PLAIN, "not here\n".to_owned()),
        _ => text(
            StatusCode::METHOD_NOT_ALLOWED,
            PLAIN,
            "only GET\n".to_owned(),
        ),
    };
    Ok(response)
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A fifth less than who asks has: the way back takes time, too.
fn patience<B>(request: &Request<B>) -> Duration {
    let given = request.headers().get(SCRAPE_TIMEOUT);
    let seconds: Option<f64> = given.and_then(|it| it.to_str().ok()?.parse().ok());
    let limit = seconds.and_then(|it| Duration::try_from_secs_f64(it * 0.8).ok());
    limit.map_or(PATIENCE, |it| {
        it.clamp(Duration::from_millis(100), Duration::from_secs(120))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_less_is_answered_sooner() {
        let waits = |header: Option<&str>| {
            let mut request = Request::new(());
            if let Some(value) = header {
                let value = header::HeaderValue::from_str(value).expect("a header");
                request.headers_mut().insert(SCRAPE_TIMEOUT, value);
            }
            patience(&request)
        };
        assert_eq!(waits(None), PATIENCE);
        assert_eq!(waits(Some("5")), Duration::from_secs(4));
        for nonsense in ["soon", "-1", "NaN", "1e300"] {
            assert_eq!(waits(Some(nonsense)), PATIENCE, "{nonsense}");
        }
        assert_eq!(waits(Some("0")), Duration::from_millis(100));
    }
}
