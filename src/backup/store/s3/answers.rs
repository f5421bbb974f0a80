//! What an object store answers, in words that say what to do.

use super::environment::variable;
use crate::backup::store::{StoreError, error::CREDENTIALS};

/// What went wrong in the bucket of this name at this endpoint.
pub(super) fn told(
    name: &str,
    endpoint: &str,
    doing: &str,
    error: object_store::Error,
) -> StoreError {
    let reason = chain(&error);
    let doing = format!("{doing} in s3://{}", name);
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["NoSuchBucket"]) {
        return StoreError::NoBucket {
            bucket: name.to_owned(),
            endpoint: endpoint.to_owned(),
        };
    }
    // Of the instance metadata service, which is asked when nothing is set.
    if says(&["/latest/api/token", "/meta-data/iam/security-credentials"])
        && CREDENTIALS.iter().all(|name| variable(name).is_none())
    {
        return StoreError::NoCredentials {
            bucket: name.to_owned(),
            reason: instance(&reason),
        };
    }
    let denied = matches!(
        error,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
    ) || says(&[
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "AccessDenied",
        "InvalidToken",
        "ExpiredToken",
        "NotSignedUp",
    ]);
    if denied {
        return StoreError::Denied {
            doing,
            endpoint: endpoint.to_owned(),
            reason: code(&reason).unwrap_or("no reason given").to_owned(),
        };
    }
    match error {
        object_store::Error::NotFound { path, .. } => StoreError::NotFound {
            what: format!("s3://{}/{path}", name),
        },
        _ => StoreError::Remote { doing, reason },
    }
}

/// The error and its causes, without those that repeat what was said.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}

/// What the metadata service said, without how often it was asked, and without the text of its answer.
fn instance(reason: &str) -> String {
    // "… - Server returned non-2xx status code: 403 Forbidden: TEXT"
    let status = reason
        .split_once("status code: ")
        .map(|(_, rest)| rest.split(':').next().unwrap_or(rest).trim());
    match status {
        Some(status) if !status.is_empty() => format!("it answers {status}"),
        _ => "it can't be reached".to_owned(),
    }
}

/// The text between `<Code>` and `</Code>` of S3's answer.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_metadata_services_answer_is_kept() {
        let begin = "Error performing PUT http://169.254.169.254/latest/api/token in 1ms - ";
        for (said, told) in [
            (
                "Server returned non-2xx status code: 403 Forbidden: <html>: no",
                "it answers 403 Forbidden",
            ),
            (
                "Server returned non-2xx status code: 404 Not Found: ",
                "it answers 404 Not Found",
            ),
            ("HTTP error: error sending request", "it can't be reached"),
        ] {
            assert_eq!(instance(&format!("{begin}{said}")), told);
        }
    }
}
