//! The client of an object store as the environment describes it.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use crate::backup::store::StoreError;

/// How often and for how long a request is repeated at once: some 5 seconds, so that a store that is
/// not there is said to be gone, and `status` is not held up.
const RETRIES: usize = 6;
const RETRY_FOR: Duration = Duration::from_secs(30);

/// How long a request may take, with its answer. None carries more than a part or a range of an
/// object.
const REQUEST_LIMIT: Duration = Duration::from_secs(300);

/// A builder with what the usual environment says.
pub(super) fn from_environment() -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::from_env();
    // object_store reads AWS_DEFAULT_REGION and AWS_REGION in no certain order.
    if let Some(region) = variable("AWS_REGION") {
        builder = builder.with_region(region);
    }
    builder
}

/// The client that `builder` describes for a bucket, and the endpoint that it asks.
///
/// # Errors
/// When the settings don't make a client.
pub(super) fn client(
    builder: AmazonS3Builder,
    bucket: &str,
) -> Result<(AmazonS3, String), StoreError> {
    // The one TLS provider of the program; it may be installed already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let settings =
        |error: &dyn std::fmt::Display| StoreError::Settings(format!("s3://{bucket}: {error}"));
    // object_store puts them into headers, and panics over what no header can carry.
    for (key, name) in [
        (AmazonS3ConfigKey::AccessKeyId, "AWS_ACCESS_KEY_ID"),
        (AmazonS3ConfigKey::SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
        (AmazonS3ConfigKey::Token, "AWS_SESSION_TOKEN"),
        (AmazonS3ConfigKey::Region, "AWS_REGION"),
    ] {
        let value = builder.get_config_value(&key).unwrap_or_default();
        if let Some(bad) = value.chars().find(|c| !matches!(c, ' '..='~')) {
            let what = match bad {
                '\n' | '\r' => "a line break",
                _ => "a character",
            };
            return Err(settings(&format!(
                "{name} has {what} in it that can't be sent in a request"
            )));
        }
    }
    let given = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .iter()
        .find_map(|key| builder.get_config_value(key));
    let endpoint = given.clone().unwrap_or_else(|| "Amazon S3".to_owned());
    // Somebody who types http:// means it.
    let plain_http = given.is_some_and(|url| url.starts_with("http://"));
    let mut options = ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout(REQUEST_LIMIT);
    if let Some(bundle) = variable("AWS_CA_BUNDLE") {
        let pem = std::fs::read(&bundle)
            .map_err(StoreError::disk(format!("reading AWS_CA_BUNDLE {bundle}")))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(|e| settings(&e))? {
            options = options.with_root_certificate(certificate);
        }
    }
    let client = builder
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: RETRY_FOR,
        })
        .build()
        .map_err(|error| settings(&error))?;
    Ok((client, endpoint))
}

/// A variable of the environment; none when it is empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
