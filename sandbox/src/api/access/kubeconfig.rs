//! Kubeconfig files for the sandbox's API server.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::ClientCertificate;

/// How a kubeconfig's user proves who it is.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A client certificate.
    Certificate(ClientCertificate),
    /// A bearer token.
    Token(String),
    /// Nothing: the server sees `system:anonymous`.
    Nothing,
}

/// The text of a kubeconfig whose current context is `context`. It is JSON, which every YAML reader takes.
#[must_use]
pub fn kubeconfig(
    context: &str,
    server: &str,
    ca: &str,
    namespace: &str,
    user: &str,
    credentials: &Credentials,
) -> String {
    let credentials = match credentials {
        Credentials::Certificate(c) => json!({
            "client-certificate-data": STANDARD.encode(&c.certificate),
            "client-key-data": STANDARD.encode(&c.key),
        }),
        Credentials::Token(token) => json!({"token": token}),
        Credentials::Nothing => json!({}),
    };
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": STANDARD.encode(ca)}}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user, "namespace": namespace}}],
        "current-context": context,
    });
    format!("{config:#}\n")
}
