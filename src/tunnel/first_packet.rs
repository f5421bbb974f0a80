//! The first packets of PostgreSQL's protocol, as far as somebody in between has to know them
//! (`src/include/libpq/pqcomm.h`).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A startup packet is not longer (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST: usize = 10_000;
/// How long a client is waited for that is to be told something.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a client begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It asks whether it may encrypt.
    Encryption,
    /// It wants another session's statement cancelled. It gets no answer.
    Cancel,
    /// It logs in, or is no client of PostgreSQL.
    Session,
}

/// Reads the first packet of a client; none when it goes without one.
pub(super) async fn first_packet(
    client: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match client.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(8..=LONGEST).contains(&size) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no packet of PostgreSQL's protocol",
        ));
    }
    let mut packet = vec![0; size];
    packet[..4].copy_from_slice(&length);
    client.read_exact(&mut packet[4..]).await?;
    Ok(Some(packet))
}

/// What a first packet is.
pub(super) fn beginning(packet: &[u8]) -> Beginning {
    let code = packet.get(4..8).and_then(|it| it.try_into().ok());
    match code.map(u32::from_be_bytes) {
        // SSL and GSS.
        Some(80_877_103 | 80_877_104) => Beginning::Encryption,
        Some(80_877_102) => Beginning::Cancel,
        Some(_) | None => Beginning::Session,
    }
}

/// Tells a client in its own protocol why it is not let in: `FATAL`, SQLSTATE 57P03
/// (`cannot_connect_now`), after which drivers try again.
pub(super) async fn refuse<S>(client: &mut S, packet: &[u8], why: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let telling = async {
        let mut packet = packet.to_vec();
        while beginning(&packet) == Beginning::Encryption {
            client.write_all(b"N").await?;
            match first_packet(client).await? {
                Some(next) => packet = next,
                None => return Ok(()),
            }
        }
        client.write_all(&error_response(why)).await?;
        client.shutdown().await
    };
    match tokio::time::timeout(PATIENCE, telling).await {
        Ok(told) => told,
        Err(_) => Ok(()),
    }
}

fn error_response(why: &str) -> Vec<u8> {
    let mut fields = Vec::new();
    for (kind, text) in [('S', "FATAL"), ('V', "FATAL"), ('C', "57P03"), ('M', why)] {
        fields.push(kind as u8);
        fields.extend(text.bytes().filter(|byte| *byte != 0));
        fields.push(0);
    }
    fields.push(0);
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    let mut message = vec![b'E'];
    message.extend(length.to_be_bytes());
    message.extend(fields);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + rest.len()).expect("short");
        [&length.to_be_bytes()[..], &code.to_be_bytes(), rest].concat()
    }

    #[tokio::test]
    async fn a_client_is_told_why_whether_it_asks_for_tls_or_not() -> io::Result<()> {
        for asks in [false, true] {
            let (mut client, mut server) = tokio::io::duplex(1000);
            let login = packet(196_608, b"user\0bob\0\0");
            let talking = tokio::spawn(async move {
                if asks {
                    client.write_all(&packet(80_877_103, b"")).await?;
                    assert_eq!(client.read_u8().await?, b'N');
                }
                client.write_all(&login).await?;
                let mut answer = Vec::new();
                client.read_to_end(&mut answer).await?;
                Ok::<_, io::Error>(answer)
            });
            let first = first_packet(&mut server).await?.expect("a packet");
            refuse(&mut server, &first, "no pod answers as the primary").await?;
            drop(server);
            let answer = talking.await??;
            assert_eq!(answer.first(), Some(&b'E'));
            let text = String::from_utf8_lossy(&answer);
            assert!(
                text.contains("C57P03\0Mno pod answers as the primary\0"),
                "{text:?}"
            );
        }
        Ok(())
    }

    #[tokio::test]
    async fn what_is_no_packet_is_no_client() {
        let mut http = &b"GET / HTTP/1.1\r\n\r\n"[..];
        assert!(first_packet(&mut http).await.is_err());
        let mut nothing = &b""[..];
        assert_eq!(first_packet(&mut nothing).await.ok(), Some(None));
    }
}
