//! Encrypted sessions against real servers: who proves to be the server is talked to, nobody else is, and the words say why.

mod support;

use std::future::ready;

use futures::FutureExt as _;
use pgctl::cluster::PresentedCertificate;
use pgctl::postgres::{
    Authority, Encryption, Login, Rights, Session, SqlError, Way, WhyEnded, encrypted,
    log_in_for_replication,
};
use pgctl_sandbox::certificates::{CertificateAuthority, Lifetime};
use secrecy::SecretString;
use support::{Server, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The name by which the server is known.
const NAME: &str = "pg-0.pg.ns.svc";

/// Encrypted or not, with a password.
const EITHER: &str = "host all all 127.0.0.1/32 scram-sha-256\n\
    host replication all 127.0.0.1/32 scram-sha-256";
/// Only encrypted.
const ENCRYPTED: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n\
    hostssl replication all 127.0.0.1/32 scram-sha-256";

fn authority(name: &str) -> CertificateAuthority {
    CertificateAuthority::generate(name).expect("an authority")
}

/// Who trusts this authority, and wants the server of this name.
fn trusting(authority: &CertificateAuthority, name: &str) -> Login {
    let authority = Authority::new("ns", "postgres-tls", authority.pem().as_bytes());
    Login {
        encryption: Encryption::Verified(authority).to_server(name),
        ..Server::login()
    }
}

struct Tcp(u16);

impl Way for Tcp {
    type Stream = TcpStream;
    type Error = SqlError;

    async fn open(&self) -> Result<(TcpStream, WhyEnded), SqlError> {
        let stream = TcpStream::connect(("127.0.0.1", self.0)).await;
        Ok((stream.expect("it listens"), ready(None).boxed()))
    }
}

async fn connect(server: &Server, login: &Login) -> Result<Session, SqlError> {
    Session::connect_by(&Tcp(server.port()), login, "postgres", Rights::Superuser).await
}

async fn stream(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await;
    stream.expect("it listens")
}

/// Sessions of ours that the server knows to be encrypted.
fn encrypted_sessions(server: &Server) -> String {
    let sql = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) \
        where ssl and application_name = 'pgctl'";
    server.query(sql).trim().to_owned()
}

#[tokio::test]
async fn a_server_that_proves_who_it_is_is_talked_to_and_nothing_goes_there_in_the_open() {
    let server = Server::primary("");
    let ours = authority("ours");
    let names = [NAME.to_owned()];
    let certificate = ours.server(&names, Lifetime::Long).expect("a certificate");
    server.present(&certificate, ENCRYPTED).await;
    let login = trusting(&ours, NAME);
    let session = connect(&server, &login).await.expect("it is the one");
    assert_eq!(encrypted_sessions(&server), "1");
    assert!(session.certificate().is_some());
    session.facts().await.expect("it answers");
    // What cancels goes the same way, and a stream's login.
    session
        .cancel()
        .ask(stream(&server).await)
        .await
        .expect("asked");
    let replication = log_in_for_replication(stream(&server).await, &login).await;
    assert_eq!(replication, Ok(()));
    // For programs that don't encrypt: what they write is a session's first packet.
    let limit = login.timeout;
    let inside = encrypted(stream(&server).await, &login.encryption, limit).await;
    let mut inside = inside.expect("it is the one");
    let startup = b"\0\0\0\x14\0\x03\0\0user\0admin\0\0";
    assert_eq!(usize::from(startup[3]), startup.len());
    inside.write_all(startup).await.expect("it listens");
    inside.flush().await.expect("it listens");
    assert_eq!(inside.read_u8().await.expect("an answer"), b'R');
    // Nobody may offer them what only who encrypts can do: libpq takes it for an attack.
    let length = inside.read_u32().await.expect("its length");
    let mut offers = vec![0; length as usize - 4];
    inside.read_exact(&mut offers).await.expect("all of it");
    assert_eq!(offers, b"\0\0\0\x0aSCRAM-SHA-256\0\0");
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_and_the_words_say_why() {
    let server = Server::primary("");
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let names = [NAME.to_owned()];
    let long = ours.server(&names, Lifetime::Long).expect("a certificate");
    let refused = async |login: &Login| {
        let error = connect(&server, login).await.err().expect("refused");
        let SqlError::NotTrusted {
            reason,
            other_authority,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        let of_another = reason.contains("another authority");
        assert_eq!(*other_authority, of_another, "{error}");
        // An operation must not take it for dead.
        assert!(error.shows_life());
        let text = error.to_string();
        assert!(
            text.contains("postgres-tls") && text.contains("docs/runbooks/tls.md"),
            "{text}"
        );
        reason.clone()
    };
    server.present(&long, EITHER).await;
    assert_eq!(
        refused(&trusting(&theirs, NAME)).await,
        "another authority than ca.crt has signed it"
    );
    assert_eq!(
        refused(&trusting(&ours, "pg-1.pg.ns.svc")).await,
        format!("it does not name pg-1.pg.ns.svc, but {NAME}")
    );
    let nothing = Encryption::Verified(Authority::new("ns", "postgres-tls", b"no certificate"));
    let nothing = Login {
        encryption: nothing.to_server(NAME),
        ..Server::login()
    };
    assert_eq!(
        refused(&nothing).await,
        "its key ca.crt holds no certificate"
    );
    // Nobody is let in by another way.
    let login = trusting(&theirs, NAME);
    let stream = log_in_for_replication(stream(&server).await, &login).await;
    assert!(
        matches!(stream, Err(SqlError::NotTrusted { .. })),
        "{stream:?}"
    );
    assert_eq!(encrypted_sessions(&server), "0");
}

#[tokio::test]
async fn who_lacks_nothing_but_the_right_time_is_talked_to_and_presents_what_tells_of_it() {
    let server = Server::primary("");
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let names = [NAME.to_owned()];
    for lifetime in [Lifetime::Expired, Lifetime::NotYet] {
        let certificate = ours.server(&names, lifetime).expect("a certificate");
        server.present(&certificate, ENCRYPTED).await;
        let login = trusting(&ours, NAME);
        let session = connect(&server, &login).await.expect("it is the one");
        assert_eq!(*session.encryption(), login.encryption);
        let presented = PresentedCertificate::new(session.certificates(), &[], None);
        let now = jiff::Timestamp::now();
        let counts = presented.begins.is_some_and(|it| it <= now)
            && presented.expires.is_some_and(|it| it > now);
        assert!(!counts, "{lifetime:?}: {presented:?}");
        // libpq would not talk to it.
        let Encryption::Verified(authority) = &login.encryption else {
            panic!("{:?}", login.encryption);
        };
        assert!(!authority.counts(session.certificates(), now));
        let replication = log_in_for_replication(stream(&server).await, &login).await;
        assert_eq!(replication, Ok(()), "{lifetime:?}");
        // What else is wrong is not forgiven for that, and is what is said.
        for (login, said) in [
            (
                trusting(&theirs, NAME),
                "another authority than ca.crt has signed it",
            ),
            (trusting(&ours, "pg-1.pg.ns.svc"), "it does not name"),
        ] {
            let error = connect(&server, &login).await.err().expect("refused");
            assert!(matches!(error, SqlError::NotTrusted { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

#[tokio::test]
async fn an_authority_that_can_not_be_read_is_no_matter_of_a_server_that_does_not_encrypt() {
    let server = Server::primary("");
    let unreadable = Encryption::Verified(Authority::new("ns", "postgres-tls", b"no certificate"));
    let login = Login {
        encryption: unreadable.to_server(NAME),
        ..Server::login()
    };
    let error = connect(&server, &login).await.err().expect("refused");
    // After which it is known what to do with a pod that has no certificate yet.
    assert!(matches!(error, SqlError::NoEncryption { .. }), "{error}");
}

#[tokio::test]
async fn where_no_authority_can_be_read_a_session_is_encrypted_all_the_same() {
    let server = Server::primary("");
    let login = Login {
        encryption: Encryption::Unverified,
        ..Server::login()
    };
    let error = connect(&server, &login).await.err().expect("refused");
    let words = "it does not encrypt sessions, although its pod has a certificate";
    assert!(error.to_string().contains(words), "{error}");
    let ours = authority("ours");
    let names = [NAME.to_owned()];
    let certificate = ours.server(&names, Lifetime::Long).expect("a certificate");
    server.present(&certificate, EITHER).await;
    let session = connect(&server, &login).await.expect("let in");
    assert_eq!(*session.encryption(), Encryption::Unverified);
    assert_eq!(encrypted_sessions(&server), "1");
}

#[tokio::test]
async fn where_encryption_is_expected_a_server_without_it_is_not_logged_in_to() {
    let server = Server::primary("");
    let ours = authority("ours");
    let error = connect(&server, &trusting(&ours, NAME)).await.err();
    let expected = SqlError::NoEncryption {
        secret: "postgres-tls".to_owned(),
    };
    assert_eq!(error, Some(expected));
}

#[tokio::test]
async fn what_demands_encryption_gets_it_also_where_no_authority_is_known() {
    let server = Server::primary("");
    let ours = authority("ours");
    let names = [NAME.to_owned()];
    let certificate = ours.server(&names, Lifetime::Long).expect("a certificate");
    // As long as it does not demand it, nothing is asked for.
    server.present(&certificate, EITHER).await;
    let session = connect(&server, &Server::login()).await.expect("let in");
    assert_eq!(*session.encryption(), Encryption::AsDemanded);
    drop(session);
    server.present(&certificate, ENCRYPTED).await;
    let session = connect(&server, &Server::login()).await.expect("let in");
    assert_eq!(*session.encryption(), Encryption::Unverified);
    let login = Login {
        encryption: session.encryption().clone(),
        ..Server::login()
    };
    let replication = log_in_for_replication(stream(&server).await, &login).await;
    assert_eq!(replication, Ok(()));
    // What is wrong besides is said as ever.
    let wrong = Login {
        password: SecretString::from("another"),
        ..Server::login()
    };
    let error = connect(&server, &wrong).await.err().expect("refused");
    assert!(matches!(error, SqlError::WrongPassword { .. }), "{error}");
    server
        .present(&certificate, "hostssl all nobody all trust")
        .await;
    let error = connect(&server, &Server::login())
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, SqlError::NotLetIn { .. }), "{error}");
}

#[tokio::test]
async fn a_renewed_certificate_is_presented_after_a_reload_and_one_without_its_key_never() {
    let server = Server::primary("");
    let ours = authority("ours");
    let names = [NAME.to_owned()];
    let first = ours.server(&names, Lifetime::Long).expect("a certificate");
    let second = ours.server(&names, Lifetime::Long).expect("a certificate");
    server.present(&first, ENCRYPTED).await;
    let login = trusting(&ours, NAME);
    let presented = async || {
        let session = connect(&server, &login).await.expect("it is the one");
        session.certificate().map(<[u8]>::to_vec)
    };
    let before = presented().await;
    let mut torn = second.clone();
    torn.key.clone_from(&first.key);
    server.present(&torn, ENCRYPTED).await;
    assert_eq!(
        presented().await,
        before,
        "the server goes on with what it has"
    );
    server.present(&second, ENCRYPTED).await;
    eventually("the new one is presented", async || {
        (presented().await != before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_no_postgresql_is_told_by_its_answer_to_the_request_for_encryption() {
    let ours = authority("ours");
    let login = trusting(&ours, NAME);
    // A fatal alert in a record of TLS 1.2: "handshake failure".
    let alert: &[u8] = b"S\x15\x03\x03\0\x02\x02\x28";
    for (answer, said, lives) in [
        (&b"HTTP/1.1 400"[..], "does not speak PostgreSQL", false),
        (
            b"E\0\0\0\x10words",
            "answers a request for encryption with an error",
            true,
        ),
        (b"N", "does not encrypt sessions", true),
        (b"", "the connection was lost", false),
        (b"SNo TLS at all", "encrypting: ", true),
        (alert, "it breaks off with HandshakeFailure", true),
    ] {
        let (client, mut impostor) = tokio::io::duplex(64 << 10);
        tokio::spawn(async move {
            let mut request = [0; 8];
            impostor.read_exact(&mut request).await.ok();
            impostor.write_all(answer).await.ok();
            // It says no more, and goes on to listen.
            impostor.shutdown().await.ok();
            let mut rest = Vec::new();
            impostor.read_to_end(&mut rest).await.ok();
        });
        let error = Session::connect(client, ready(None), &login).await.err();
        let error = error.expect("refused");
        assert!(error.to_string().contains(said), "{error}");
        // Nobody may be stopped, or passed over, as one that is silent, who has answered.
        assert_eq!(error.shows_life(), lives, "{error}");
    }
}
