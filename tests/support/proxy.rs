//! Proxies that let pass whoever has the password: `bob` with `hunter 2`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoken {
    /// CONNECT (RFC 9110, section 9.3.6).
    Http,
    /// SOCKS 5 (RFC 1928), with a password (RFC 1929).
    Socks,
}

/// A proxy that runs as long as the test.
pub(crate) struct Proxy {
    /// On `localhost`.
    pub(crate) port: u16,
    /// How many it let pass.
    pub(crate) tunnels: Arc<AtomicUsize>,
}

impl Proxy {
    /// One that is spoken to over TLS, or not.
    pub(crate) async fn new(spoken: Spoken, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let tunnels = Arc::new(AtomicUsize::new(0));
        let proxy = Self {
            port: address.port(),
            tunnels: Arc::clone(&tunnels),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (tls, tunnels) = (tls.clone(), Arc::clone(&tunnels));
                // A connection that breaks is the client's affair.
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => serve(tls.accept(client).await?, spoken, &tunnels).await,
                        None => serve(client, spoken, &tunnels).await,
                    }
                });
            }
        });
        proxy
    }
}

async fn serve<S>(client: S, spoken: Spoken, tunnels: &AtomicUsize) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = BufReader::new(client);
    let target = match spoken {
        Spoken::Http => http(&mut client).await?,
        Spoken::Socks => socks(&mut client).await?,
    };
    let Some(target) = target else {
        return client.shutdown().await;
    };
    let mut server = TcpStream::connect(target).await?;
    let welcome: &[u8] = match spoken {
        Spoken::Http => b"HTTP/1.1 200 OK\r\n\r\n",
        Spoken::Socks => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    };
    client.write_all(welcome).await?;
    tunnels.fetch_add(1, Ordering::SeqCst);
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .map(drop)
}

/// Whom it is to lead to; none for whom it does not let pass.
async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut BufReader<S>,
) -> io::Result<Option<String>> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if client.read_line(&mut request).await? == 0 {
            return Ok(None);
        }
    }
    // "bob:hunter 2"
    if !request.contains("Basic Ym9iOmh1bnRlciAy\r\n") {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        client.write_all(refusal).await?;
        return Ok(None);
    }
    Ok(request.split(' ').nth(1).map(str::to_owned))
}

/// The same.
async fn socks<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut BufReader<S>,
) -> io::Result<Option<String>> {
    let _version = client.read_u8().await?;
    let methods = counted(client).await?;
    if !methods.contains(&2) {
        client.write_all(&[5, 0xff]).await?;
        return Ok(None);
    }
    client.write_all(&[5, 2]).await?;
    let _version = client.read_u8().await?;
    let (user, password) = (counted(client).await?, counted(client).await?);
    let known = user == b"bob" && password == b"hunter 2";
    client.write_all(&[1, u8::from(!known)]).await?;
    if !known {
        return Ok(None);
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => String::from_utf8_lossy(&counted(client).await?).into_owned(),
        other => return Err(io::Error::other(format!("address of type {other}"))),
    };
    let port = client.read_u16().await?;
    Ok(Some(format!("{host}:{port}")))
}

/// Bytes with their number before them.
async fn counted<S: AsyncRead + Unpin>(client: &mut BufReader<S>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}
