//! `pgctl port-forward`: what to connect to.

use std::net::SocketAddr;

use super::plain::plain;
use super::screen::{Screen, Tone};

/// A local port that leads to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// Where it is.
    pub address: SocketAddr,
    /// `write`, `read`, or a pod.
    pub destination: String,
    /// The pods that it leads to at the moment.
    pub pods: Vec<String>,
    /// The superuser.
    pub user: String,
    /// The command that prints the password; none when nobody knows where it is.
    pub password_command: Option<String>,
}

impl Forwarded {
    /// What libpq and most drivers take, without the password.
    pub fn connection_string(&self) -> String {
        let user: String = self.user.bytes().map(encoded).collect();
        // Connections that come from anywhere reach it on this machine's own address, too.
        let address = match self.address.ip() {
            ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], self.address.port())),
            _ => self.address,
        };
        format!("postgresql://{user}@{address}/postgres")
    }
}

/// A byte of a name in a URL.
fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// What to type.
pub fn forward_screen(forwarded: &Forwarded, screen: &Screen) -> String {
    let pods = forwarded.pods.join(", ");
    let leads = if pods.is_empty() {
        format!("{} leads nowhere yet", forwarded.destination)
    } else {
        format!("{} leads to {pods}", forwarded.destination)
    };
    let connection = screen.paint(Tone::Strong, &plain(&forwarded.connection_string()));
    let mut text = format!("{connection}\n{}\n", screen.wrap(&plain(&leads), 2));
    if let Some(command) = &forwarded.password_command {
        text += &format!("the password: {}\n", screen.given.suggestion(command));
    }
    text += "Ctrl-C ends\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_connect_to() {
        let forwarded = Forwarded {
            address: SocketAddr::from(([127, 0, 0, 1], 15432)),
            destination: "read".to_owned(),
            pods: vec![
                "s-postgres-replica-0".to_owned(),
                "s-postgres-replica-1".to_owned(),
            ],
            user: "it's@me".to_owned(),
            password_command: Some(
                "kubectl -n s get secret x -o jsonpath='{.data.k}' | base64 -d".to_owned(),
            ),
        };
        insta::assert_snapshot!(forward_screen(&forwarded, &Screen::default()), @r"
        postgresql://it%27s%40me@127.0.0.1:15432/postgres
        read leads to s-postgres-replica-0, s-postgres-replica-1
        the password: kubectl -n s get secret x -o jsonpath='{.data.k}' | base64 -d
        Ctrl-C ends
        ");
    }
}
