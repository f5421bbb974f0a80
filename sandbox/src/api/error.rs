//! Errors as Kubernetes answers them: always a `Status` object.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::runtime::RuntimeError;
use crate::store::{Cause, Resource, StoreError};

/// A refusal: HTTP code, machine-readable reason, message and details.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// Status of the HTTP answer.
    pub code: u16,
    /// Kubernetes reason, for example `NotFound`.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    /// The `details` of the Status.
    pub details: Option<Value>,
}

impl ApiError {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// 401, in Kubernetes' word.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 404 for a path or kind that this server does not have, in Kubernetes' words.
    pub fn no_such_path() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::new(
                404,
                "NotFound",
                "the server could not find the requested resource",
            )
        }
    }

    /// 405 for a verb that a resource does not support.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// 422 with its causes.
    pub fn invalid(resource: &'static Resource, name: &str, causes: Vec<Cause>) -> Self {
        StoreError::Invalid {
            resource,
            name: name.to_owned(),
            causes,
        }
        .into()
    }

    /// For faults: the reason that belongs to a code.
    pub fn injected(code: u16, message: Option<&str>) -> Self {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            429 => "TooManyRequests",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "InternalError",
        };
        Self::new(
            code,
            reason,
            message.unwrap_or("an error on the server, asked for by a fault of the sandbox"),
        )
    }

    /// The Status object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if matches!(self.code, 429 | 503 | 504)
            && status.pointer("/details/retryAfterSeconds").is_none()
        {
            status["details"]["retryAfterSeconds"] = json!(1);
        }
        status
    }

    /// The HTTP answer.
    pub fn response(&self) -> Response<Body> {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(self.status().to_string()));
        *response.status_mut() = code;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if matches!(self.code, 429 | 503 | 504) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn details(resource: &Resource, name: &str, kind: &str) -> Value {
    let mut details = json!({"name": name, "kind": kind});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    details
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match &error {
            StoreError::NotFound { resource, name } => Self {
                details: Some(details(resource, name, resource.plural)),
                ..Self::new(404, "NotFound", message)
            },
            StoreError::AlreadyExists { resource, name } => Self {
                details: Some(details(resource, name, resource.plural)),
                ..Self::new(409, "AlreadyExists", message)
            },
            StoreError::Conflict { resource, name, .. } => Self {
                details: Some(details(resource, name, resource.plural)),
                ..Self::new(409, "Conflict", message)
            },
            StoreError::Forbidden { resource, name, .. } => Self {
                details: Some(details(resource, name, resource.plural)),
                ..Self::new(403, "Forbidden", message)
            },
            StoreError::Invalid {
                resource,
                name,
                causes,
            } => {
                let mut details = details(resource, name, resource.kind);
                let causes = causes
                    .iter()
                    .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}));
                details["causes"] = causes.collect();
                Self {
                    details: Some(details),
                    ..Self::new(422, "Invalid", message)
                }
            }
            StoreError::Malformed(_) => Self::bad_request(message),
            StoreError::Gone { .. } => Self::new(410, "Expired", message),
        }
    }
}

impl From<RuntimeError> for ApiError {
    fn from(error: RuntimeError) -> Self {
        let code = error.http_status();
        let reason = match code {
            404 => "NotFound",
            400 => "BadRequest",
            _ => "InternalError",
        };
        Self::new(code, reason, error.to_string())
    }
}
