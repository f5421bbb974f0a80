//! `/sandbox/v1/faults`: the faults of API and pods, for other processes. Only the administrator gets here (RBAC).

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::ApiError;
use super::faults::{Fault, Faults, PodFaults};
use super::response::json_response;

/// - `GET /sandbox/v1/faults`: the API faults that still wait.
/// - `POST /sandbox/v1/faults` with a [`Fault`]: adds one, answers its number.
/// - `DELETE /sandbox/v1/faults[/NUMBER]`: removes all or one.
/// - `POST /sandbox/v1/faults/connections`: breaks every open connection.
/// - `POST /sandbox/v1/faults/pods`: handed to the kubelet.
pub(super) async fn serve(
    faults: &Faults,
    pod_faults: Option<&dyn PodFaults>,
    method: &Method,
    path: &str,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let rest = path
        .strip_prefix("/sandbox/v1/faults")
        .ok_or_else(ApiError::no_such_path)?
        .trim_matches('/');
    let answer = match (method, rest) {
        (&Method::GET, "") => json!({"faults": faults.list()}),
        (&Method::POST, "") => {
            let fault: Fault = read(body)?;
            json!({"id": faults.add(fault)})
        }
        (&Method::DELETE, "") => {
            faults.clear();
            json!({})
        }
        (&Method::DELETE, id) => {
            let removed = id.parse().is_ok_and(|id| faults.remove(id));
            if !removed {
                return Err(ApiError::new(
                    404,
                    "NotFound",
                    format!("there is no fault {id}"),
                ));
            }
            json!({})
        }
        (&Method::POST, "connections") => {
            faults.drop_connections();
            json!({})
        }
        (&Method::POST, "pods") => {
            let pods = pod_faults.ok_or_else(|| {
                ApiError::new(
                    501,
                    "NotImplemented",
                    "this sandbox runs no pods, so none of them can fail",
                )
            })?;
            let request: Value = read(body)?;
            pods.apply(request).await.map_err(ApiError::bad_request)?
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok(json_response(StatusCode::OK, &answer))
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|e| ApiError::bad_request(format!("the fault can't be read: {e}")))
}
