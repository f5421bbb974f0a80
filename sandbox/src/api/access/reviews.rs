//! Questions about oneself (`kubectl auth can-i`, `whoami`) and tokens for service accounts.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::{Value, json};
use std::time::Duration;

use super::tokens::{LONGEST, SHORTEST};
use super::{Attributes, Authenticator, Identity, TokenWish, authorize, rbac};
use crate::api::ApiError;
use crate::store::{Cause, Store, now, of, text};

/// Answers a review object; None when the kind is not one.
pub(in crate::api) fn review(
    store: &Store,
    user: &Identity,
    plural: &str,
    mut object: Value,
) -> Option<Result<Value, ApiError>> {
    let (api_version, kind, status) = match plural {
        "selfsubjectaccessreviews" => {
            let Some(what) = attributes(&object) else {
                return Some(Err(ApiError::bad_request(
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified",
                )));
            };
            let allowed = authorize(store, user, &what);
            (
                "authorization.k8s.io/v1",
                "SelfSubjectAccessReview",
                json!({"allowed": allowed}),
            )
        }
        "selfsubjectrulesreviews" => {
            let rules = rbac::rules(store, user, text(&object, "/spec/namespace"));
            let (paths, resources): (Vec<_>, Vec<_>) = rules
                .into_iter()
                .partition(|r| r.get("nonResourceURLs").is_some());
            let status =
                json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
            ("authorization.k8s.io/v1", "SelfSubjectRulesReview", status)
        }
        "selfsubjectreviews" => {
            let info = json!({"username": user.user, "groups": user.groups});
            (
                "authentication.k8s.io/v1",
                "SelfSubjectReview",
                json!({"userInfo": info}),
            )
        }
        _ => return None,
    };
    if !object.is_object() {
        return Some(Err(ApiError::bad_request(format!(
            "the object provided is not a {kind}"
        ))));
    }
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    object["metadata"]["creationTimestamp"] = Value::Null;
    object["status"] = status;
    Some(Ok(object))
}

fn attributes(object: &Value) -> Option<Attributes> {
    if let Some(path) = object.pointer("/spec/nonResourceAttributes") {
        return Some(Attributes {
            verb: text(path, "/verb").to_owned(),
            path: text(path, "/path").to_owned(),
            ..Default::default()
        });
    }
    let what = object.pointer("/spec/resourceAttributes")?;
    let field = |name: &str| text(what, name).to_owned();
    Some(Attributes {
        verb: field("/verb"),
        group: field("/group"),
        resource: field("/resource"),
        subresource: field("/subresource"),
        namespace: field("/namespace"),
        name: field("/name"),
        path: String::new(),
    })
}

/// `serviceaccounts/NAME/token`: a bearer token for the service account.
pub(in crate::api) fn token_request(
    store: &Store,
    tokens: &Authenticator,
    namespace: &str,
    name: &str,
    mut object: Value,
) -> Result<Value, ApiError> {
    let resource = of::<ServiceAccount>();
    store.get(resource, namespace, name)?;
    let seconds = object
        .pointer("/spec/expirationSeconds")
        .and_then(Value::as_u64)
        .unwrap_or(3600);
    if seconds < SHORTEST {
        let cause = Cause {
            field: "spec.expirationSeconds".to_owned(),
            reason: "FieldValueInvalid",
            message: format!(
                "Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            ),
        };
        return Err(ApiError::invalid(resource, name, vec![cause]));
    }
    let audiences = object
        .pointer("/spec/audiences")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|a| Some(a.as_str()?.to_owned()));
    let bound_to = object
        .pointer("/spec/boundObjectRef")
        .filter(|r| r.is_object())
        .map(|reference| {
            let field = |f: &str| text(reference, f).to_owned();
            let uid = Some(field("/uid")).filter(|uid| !uid.is_empty());
            (field("/kind"), field("/name"), uid)
        });
    let wish = TokenWish {
        namespace: namespace.to_owned(),
        account: name.to_owned(),
        audiences: audiences.collect(),
        lifetime: Duration::from_secs(seconds.min(LONGEST)),
        bound_to,
    };
    let given = tokens.issue_bound(&wish)?;
    if !object.is_object() {
        object = json!({});
    }
    object["apiVersion"] = json!("authentication.k8s.io/v1");
    object["kind"] = json!("TokenRequest");
    object["metadata"] = json!({"name": name, "namespace": namespace, "creationTimestamp": now()});
    object["spec"]["expirationSeconds"] = json!(seconds);
    let expires = given.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    object["status"] = json!({"token": given.token, "expirationTimestamp": expires});
    Ok(object)
}
