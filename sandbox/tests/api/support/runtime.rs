//! A kubelet that runs nothing: three commands and an echo port, to test what lies between client and kubelet.

use futures::FutureExt;
use futures::future::BoxFuture;
use pgctl_sandbox::runtime::{
    ContainerRef, ExecRequest, ExecStreams, InputStream, LogOptions, OutputStream, PodRuntime,
    RuntimeError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;

/// How much the command `flood` writes.
pub(crate) const FLOOD: usize = 300_000;

/// Port-forwards lead to this address; port 1 is closed.
pub(crate) struct FakeRuntime {
    pub(crate) echo: std::net::SocketAddr,
}

impl PodRuntime for FakeRuntime {
    fn exec(
        &self,
        target: ContainerRef,
        request: ExecRequest,
    ) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>> {
        async move {
            if target.container.as_deref() == Some("stopped") {
                return Err(RuntimeError::NotRunning("stopped".to_owned()));
            }
            let (stdin, mut input) = duplex(1024);
            let (mut output, stdout) = duplex(1024);
            let (mut errors, stderr) = duplex(1024);
            let words = request.command.clone();
            let task = tokio::spawn(async move {
                match words
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice()
                {
                    ["cat"] => tokio::io::copy(&mut input, &mut output).await.map(|_| 0),
                    ["flood"] => output.write_all(&vec![b'x'; FLOOD]).await.map(|()| 0),
                    ["exit", code] => {
                        errors.write_all(b"bye\n").await?;
                        Ok(code.parse().unwrap_or(1))
                    }
                    _ => Ok(127),
                }
            });
            Ok(ExecStreams {
                stdin: request.stdin.then(|| Box::new(stdin) as InputStream),
                stdout: request.stdout.then(|| Box::new(stdout) as OutputStream),
                stderr: request.stderr.then(|| Box::new(stderr) as OutputStream),
                resize: None,
                exit: async move {
                    let io = |source| RuntimeError::Io {
                        doing: "waiting".to_owned(),
                        source,
                    };
                    task.await
                        .map_err(|e| io(std::io::Error::other(e)))?
                        .map_err(io)
                }
                .boxed(),
            })
        }
        .boxed()
    }

    fn attach(&self, target: ContainerRef) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>> {
        async move {
            Err(RuntimeError::NotRunning(
                target.container.unwrap_or_default(),
            ))
        }
        .boxed()
    }

    fn logs(
        &self,
        _: ContainerRef,
        options: LogOptions,
    ) -> BoxFuture<'_, Result<OutputStream, RuntimeError>> {
        async move {
            let text = format!("tail {:?} follow {}\n", options.tail_lines, options.follow);
            Ok(Box::new(std::io::Cursor::new(text.into_bytes())) as OutputStream)
        }
        .boxed()
    }

    fn dial(
        &self,
        _: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<TcpStream, RuntimeError>> {
        let pod = pod.to_owned();
        async move {
            if port == 1 {
                let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                return Err(RuntimeError::Dial { port, pod, source });
            }
            TcpStream::connect(self.echo)
                .await
                .map_err(|source| RuntimeError::Dial { port, pod, source })
        }
        .boxed()
    }
}

/// Sends back what it gets, on a free port.
pub(crate) async fn echo() -> std::io::Result<std::net::SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    if stream
                        .write_all(buffer.get(..length).unwrap_or_default())
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}
