//! The log of a container.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;

use super::outlet::CHUNK;
use crate::api::ApiError;
use crate::api::call::Call;
use crate::runtime::{ContainerRef, LogOptions, LogStart, OutputStream, PodRuntime};

pub(super) async fn serve(
    runtime: Arc<dyn PodRuntime>,
    target: ContainerRef,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let options = options(call)?;
    let stream = runtime.logs(target, options).await?;
    let state = (stream, call.faults.cut);
    let body = futures::stream::unfold(state, |(mut stream, left)| async move {
        next(&mut stream, left).await.map(|(i, l)| (i, (stream, l)))
    });
    let mut response = Response::new(Body::from_stream(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn next(
    stream: &mut OutputStream,
    left: Option<u64>,
) -> Option<(Result<Bytes, std::io::Error>, Option<u64>)> {
    if left == Some(0) {
        return Some((
            Err(std::io::Error::other("the log is cut on purpose")),
            left,
        ));
    }
    let most = left.map_or(CHUNK, |l| usize::try_from(l).unwrap_or(CHUNK).min(CHUNK));
    let mut buffer = vec![0; most];
    match stream.read(&mut buffer).await {
        Ok(0) => None,
        Ok(length) => {
            buffer.truncate(length);
            Some((Ok(buffer.into()), left.map(|l| l - length as u64)))
        }
        Err(e) => Some((Err(e), left)),
    }
}

fn options(call: &Call) -> Result<LogOptions, ApiError> {
    // As `ValidatePodLogOptions` (pkg/apis/core/validation/validation.go).
    let at_least = |least: u64, name: &str| {
        let wish = match least {
            0 => "must be greater than or equal to 0",
            _ => "must be greater than 0",
        };
        let bad = |v: &str| {
            let message = format!(
                "PodLogOptions \"{}\" is invalid: {name}: Invalid value: {v}: {wish}",
                call.target.name
            );
            ApiError::new(422, "Invalid", message)
        };
        call.query
            .get(name)
            .map(|v| v.parse().ok().filter(|n| *n >= least).ok_or_else(|| bad(v)))
            .transpose()
    };
    let since = match (at_least(1, "sinceSeconds")?, call.query.get("sinceTime")) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "at most one of `sinceTime` or `sinceSeconds` may be specified",
            ));
        }
        (Some(seconds), None) => Some(LogStart::Ago(Duration::from_secs(seconds))),
        (None, Some(time)) => {
            let time = time.parse().map_err(|e| {
                ApiError::bad_request(format!("sinceTime: Invalid value: \"{time}\": {e}"))
            })?;
            Some(LogStart::At(time))
        }
        (None, None) => None,
    };
    Ok(LogOptions {
        follow: call.query.flag("follow"),
        previous: call.query.flag("previous"),
        timestamps: call.query.flag("timestamps"),
        tail_lines: at_least(0, "tailLines")?,
        limit_bytes: at_least(1, "limitBytes")?,
        since,
    })
}
