//! Where the credentials come from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use http::HeaderValue;
use jiff::Timestamp;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::LoginError;
use super::plugin;

/// Where the credentials come from that are sent with each request.
#[derive(Debug, Clone)]
pub(in crate::kubernetes) enum Source {
    /// There are none: certificates, at most.
    Nothing,
    /// Username and password.
    Password(String, SecretString),
    /// A token.
    Token(SecretString),
    /// A file with a token, and the token to take while it can't be read.
    File(PathBuf, Option<SecretString>),
    /// A credential plugin.
    Plugin(Box<ExecConfig>),
}

/// Credentials as they are used.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    /// `Authorization`.
    pub(super) header: Option<HeaderValue>,
    /// Client certificate and key in PEM, when the plugin gave one.
    pub(super) identity: Option<(String, SecretString)>,
    /// When they are not valid any more, where that is said.
    pub(super) expires: Option<Timestamp>,
}

impl Source {
    /// Takes out of a user's entry what is sent as a header. Which of several counts is as client-go
    /// has it: a token before a plugin, and of a token and a file the file while it can be read.
    pub(in crate::kubernetes) fn take(user: &mut AuthInfo) -> Result<Self, LoginError> {
        let provider = user.auth_provider.take();
        let exec = user.exec.take();
        let password = user.username.take().zip(user.password.take());
        let filled = |text: &SecretString| !text.expose_secret().is_empty();
        let token = user.token.take().filter(filled);
        let file = user.token_file.take().filter(|file| !file.is_empty());
        if let Some(provider) = provider {
            // Of the ones that there were, client-go has only `oidc` left.
            let id_token = provider.config.get("id-token");
            return match (provider.name.as_str(), id_token) {
                ("oidc", Some(token)) => Ok(Self::Token(SecretString::from(token.clone()))),
                _ => Err(LoginError::Provider {
                    name: provider.name,
                }),
            };
        }
        Ok(match (password, token, file, exec) {
            (Some((name, password)), ..) => Self::Password(name, password),
            (None, token, Some(file), _) => Self::File(PathBuf::from(file), token),
            (None, Some(token), None, _) => Self::Token(token),
            (None, None, None, Some(exec)) => Self::Plugin(Box::new(exec)),
            (None, None, None, None) => Self::Nothing,
        })
    }

    /// Whether asking again may give something else.
    pub(super) fn renews(&self) -> bool {
        match self {
            Self::File(..) | Self::Plugin(_) => true,
            Self::Nothing | Self::Password(..) | Self::Token(_) => false,
        }
    }

    /// Gets the credentials.
    pub(super) async fn ask(&self, limit: Duration) -> Result<Given, LoginError> {
        match self {
            Self::Nothing => Ok(Given::default()),
            Self::Password(name, password) => {
                let both = format!("{name}:{}", password.expose_secret());
                let encoded = base64::engine::general_purpose::STANDARD.encode(both);
                given(&format!("Basic {encoded}"), |problem| LoginError::Token {
                    problem,
                })
            }
            Self::Token(token) => bearer(token.expose_secret(), |problem| LoginError::Token {
                problem,
            }),
            Self::File(file, instead) => match (read(file), instead) {
                (Ok(token), _) => bearer(token.expose_secret(), |problem| LoginError::TokenFile {
                    file: file.clone(),
                    problem,
                }),
                (Err(_), Some(token)) => bearer(token.expose_secret(), |problem| {
                    LoginError::Token { problem }
                }),
                (Err(error), None) => Err(error),
            },
            Self::Plugin(exec) => {
                let answer = plugin::run(exec, limit).await?;
                let mut all = match &answer.token {
                    Some(token) => bearer(token.expose_secret(), |problem| LoginError::Answer {
                        command: answer.command.clone(),
                        problem: format!("gave a token that {problem}"),
                        stderr: answer.stderr.clone(),
                    })?,
                    None => Given::default(),
                };
                all.identity = answer.identity;
                all.expires = answer.expires;
                Ok(all)
            }
        }
    }
}

/// As client-go reads it (`transport/token_source.go`): blanks and line breaks around it don't count.
fn read(file: &Path) -> Result<SecretString, LoginError> {
    let unusable = |problem: String| LoginError::TokenFile {
        file: file.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| unusable(format!("can't be read: {error}")))?;
    match text.trim() {
        "" => Err(unusable("is empty".to_owned())),
        token => Ok(SecretString::from(token)),
    }
}

/// A token as a header. Only a file's line break is taken off: elsewhere kubectl does not, either
/// (net/http: "invalid header field value for \"Authorization\"").
fn bearer(token: &str, error: impl Fn(String) -> LoginError) -> Result<Given, LoginError> {
    given(&format!("Bearer {token}"), error)
}

fn given(header: &str, error: impl Fn(String) -> LoginError) -> Result<Given, LoginError> {
    let mut header = HeaderValue::try_from(header).map_err(|_| {
        let what = if header.contains(['\n', '\r']) {
            "a line break"
        } else {
            "a character"
        };
        error(format!(
            "has {what} in it that can't be sent in a request (kubectl refuses it, too)"
        ))
    })?;
    header.set_sensitive(true);
    Ok(Given {
        header: Some(header),
        ..Given::default()
    })
}
