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

/// What the variables of a second store with settings of its own begin with.
const OF_SECOND: &str = "PGCTL_COPY_";

/// The settings that a second store may have of its own.
const OWN: [(AmazonS3ConfigKey, &str); 5] = [
    (AmazonS3ConfigKey::AccessKeyId, "AWS_ACCESS_KEY_ID"),
    (AmazonS3ConfigKey::SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
    (AmazonS3ConfigKey::Token, "AWS_SESSION_TOKEN"),
    (AmazonS3ConfigKey::Region, "AWS_REGION"),
    (AmazonS3ConfigKey::Endpoint, "AWS_ENDPOINT_URL"),
];

/// What the environment says of a second store alone: nothing, when it says nothing.
fn own_settings() -> Vec<(AmazonS3ConfigKey, String)> {
    let settings = OWN.into_iter().filter_map(|(key, name)| {
        let value = variable(&format!("{OF_SECOND}{name}"))?;
        Some((key, value))
    });
    settings.collect()
}

/// Whether a second store goes by its own settings alone. Of the first one's it takes all where it has none, or only
/// another region.
fn stands_alone(own: &[(AmazonS3ConfigKey, String)]) -> bool {
    !matches!(own, [] | [(AmazonS3ConfigKey::Region, _)])
}

/// A text about a second store, with the names of the variables that it goes by.
pub fn names_of_second(text: &str) -> String {
    if !stands_alone(&own_settings()) {
        return text.to_owned();
    }
    OWN.iter().fold(text.to_owned(), |text, (_, name)| {
        let own = format!("{OF_SECOND}{name}");
        text.replace(&own, name).replace(name, &own)
    })
}

/// A builder for a second store of this bucket. One with settings of its own takes none of the first one's: its secrets
/// would go to somebody else's server.
///
/// # Errors
/// When it has settings of its own, and no credentials among them.
pub(super) fn of_second(bucket: &str) -> Result<AmazonS3Builder, StoreError> {
    let own = own_settings();
    let has = |wanted| own.iter().any(|(key, _)| *key == wanted);
    let has_credentials =
        has(AmazonS3ConfigKey::AccessKeyId) && has(AmazonS3ConfigKey::SecretAccessKey);
    let builder = match stands_alone(&own) {
        false => from_environment(),
        true if has_credentials => AmazonS3Builder::new(),
        true => {
            return Err(StoreError::Settings(format!(
                "s3://{bucket}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are missing: a second store that has settings of its own takes none of the first one's"
            )));
        }
    };
    let builder = own.into_iter().fold(builder, |builder, (key, value)| {
        builder.with_config(key, value)
    });
    Ok(builder)
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
