//! A real S3 server of one test, over plain HTTP on a port of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use object_store::aws::AmazonS3Builder;
use pgctl::backup::store::{S3Store, StoreError};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::s3_names::ShortNames;

pub(crate) const BUCKET: &str = "backups";
const KEY: &str = "AKIAEXAMPLE";
const SECRET: &str = "not-much-of-a-secret";
/// How long a bucket that was there and is gone is waited for, as in use.
const PATIENCE: Duration = Duration::from_secs(240);

/// A running server with one bucket.
pub(crate) struct S3Server {
    folder: TempDir,
    address: SocketAddr,
    accepting: JoinHandle<()>,
    /// Bytes that the server may still read from its clients before it dies.
    left: Arc<AtomicU64>,
    /// Bytes that a connection carries to its client before it breaks.
    patience: Arc<AtomicU64>,
    /// Objects that may still be written before the bucket is full.
    room: Arc<AtomicU64>,
    /// Writes that are still answered with 503.
    busy: Arc<AtomicU64>,
    /// Whether every write is refused that says "only if it is not there".
    no_conditions: Arc<AtomicBool>,
    hold: Arc<Hold>,
}

/// A request that is on its way for as long as a test likes.
struct Hold {
    /// Of the next ones of this method with this in their address the one after so many.
    wanted: Mutex<Option<(Method, &'static str, usize)>>,
    held: AtomicUsize,
    released: Semaphore,
}

impl Hold {
    async fn pass(&self, method: &Method, address: &str) {
        let held = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.take_if(|(wanted, part, before)| {
                let fits = wanted == method && address.contains(*part);
                let is_it = fits && *before == 0;
                *before -= usize::from(fits && !is_it);
                is_it
            })
        };
        if held.is_some() {
            self.held.fetch_add(1, Ordering::SeqCst);
            if let Ok(released) = self.released.acquire().await {
                released.forget();
            }
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("the folder is ours");
        let files = s3s_fs::FileSystem::new(folder.path()).expect("the folder is there");
        let mut builder = S3ServiceBuilder::new(ShortNames::before(files, folder.path()));
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let allowed = Arc::clone(&left);
        let patience = Arc::new(AtomicU64::new(u64::MAX));
        let answers = Arc::clone(&patience);
        let room = Arc::new(AtomicU64::new(u64::MAX));
        let writable = Arc::clone(&room);
        let busy = Arc::new(AtomicU64::new(0));
        let refused = Arc::clone(&busy);
        let no_conditions = Arc::new(AtomicBool::new(false));
        let unconditional = Arc::clone(&no_conditions);
        let hold = Arc::new(Hold {
            wanted: Mutex::new(None),
            held: AtomicUsize::new(0),
            released: Semaphore::new(0),
        });
        let holding = Arc::clone(&hold);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, inner) = tokio::io::duplex(64 * 1024);
                connections.spawn(relay(
                    client,
                    server,
                    Arc::clone(&allowed),
                    answers.load(Ordering::SeqCst),
                ));
                let (service, room) = (service.clone(), Arc::clone(&writable));
                let busy = Arc::clone(&refused);
                let hold = Arc::clone(&holding);
                let unconditional = Arc::clone(&unconditional);
                let limited = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let writes = request.method() == Method::PUT;
                    let refused = writes && !no_room(&busy);
                    let full = writes && !refused && no_room(&room);
                    let (service, hold) = (service.clone(), Arc::clone(&hold));
                    let not_known = writes
                        && request.headers().contains_key("if-none-match")
                        && unconditional.load(Ordering::SeqCst);
                    async move {
                        if not_known {
                            read_to_its_end(request).await;
                            return Ok(invalid_argument());
                        }
                        let address = request.uri().to_string();
                        hold.pass(request.method(), &address).await;
                        let answer = hyper::service::Service::call(&service, request);
                        // Carried out first: whoever is answered before all was read sees a broken pipe.
                        let answer = answer.await;
                        match (refused, full) {
                            (true, _) => Ok(unavailable()),
                            (_, true) => Ok(out_of_room()),
                            _ => answer,
                        }
                    }
                });
                connections.spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(inner), limited).await;
                });
            }
        });
        Self {
            folder,
            address,
            accepting,
            left,
            patience,
            room,
            busy,
            no_conditions,
            hold,
        }
    }

    /// The next request of this method with this in its address is on its way until it is let go.
    pub(crate) fn hold(&self, method: Method, part_of_address: &'static str) {
        self.hold_after(0, method, part_of_address);
    }

    /// As [`Self::hold`], and so many of them pass before it.
    pub(crate) fn hold_after(&self, before: usize, method: Method, part_of_address: &'static str) {
        let mut wanted = self
            .hold
            .wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *wanted = Some((method, part_of_address, before));
    }

    /// Whether it has been sent.
    pub(crate) fn holds(&self) -> bool {
        self.holding() > 0
    }

    /// How many have been sent and are on their way.
    pub(crate) fn holding(&self) -> usize {
        self.hold.held.load(Ordering::SeqCst)
    }

    /// It arrives; of several the first that was sent.
    pub(crate) fn let_go(&self) {
        self.hold.released.add_permits(1);
    }

    /// It refuses every write that says "only if it is not there", as some do.
    pub(crate) fn knows_no_conditions(&self) {
        self.no_conditions.store(true, Ordering::SeqCst);
    }

    /// So many of the next writes are refused: the server is not well, and then is again.
    pub(crate) fn busy_for(&self, writes: u64) {
        self.busy.store(writes, Ordering::SeqCst);
    }

    /// How many of them are still to come.
    pub(crate) fn still_busy_for(&self) -> u64 {
        self.busy.load(Ordering::SeqCst)
    }

    /// The bucket is full when so many more objects, or parts of them, were written.
    pub(crate) fn full_after(&self, writes: u64) {
        self.room.store(writes, Ordering::SeqCst);
    }

    /// Every connection that is made from now on breaks when it has carried so many bytes to the client.
    pub(crate) fn connections_break_after(&self, bytes: u64) {
        self.patience.store(bytes, Ordering::SeqCst);
    }

    /// The server dies when it has read so many more bytes.
    pub(crate) fn die_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// What `pgctl --store s3://backups/...` needs in its environment to reach it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        self.environment_with(SECRET)
    }

    /// The same with another secret key.
    pub(crate) fn environment_with(&self, secret: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ]
    }

    /// Where its objects lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn builder(&self, secret: &str) -> AmazonS3Builder {
        AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.address))
            .with_region("us-east-1")
            .with_access_key_id(KEY)
            .with_secret_access_key(secret)
    }

    pub(crate) fn store(&self, prefix: &str) -> S3Store {
        self.store_with_patience(prefix, PATIENCE)
    }

    pub(crate) fn store_with_patience(&self, prefix: &str, patience: Duration) -> S3Store {
        S3Store::build(self.builder(SECRET), BUCKET, prefix, patience)
            .expect("the settings are complete")
    }

    /// The same server, by the name of this machine.
    pub(crate) fn store_by_another_name(&self, prefix: &str) -> S3Store {
        let builder = self.builder(SECRET).with_endpoint(self.other_endpoint());
        S3Store::build(builder, BUCKET, prefix, PATIENCE).expect("the settings are complete")
    }

    /// Its address by the name of this machine.
    pub(crate) fn other_endpoint(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    pub(crate) fn store_with_wrong_secret(&self) -> S3Store {
        S3Store::build(self.builder("wrong"), BUCKET, "p", PATIENCE)
            .expect("the settings are complete")
    }

    pub(crate) fn store_in_missing_bucket(&self) -> Result<S3Store, StoreError> {
        S3Store::build(self.builder(SECRET), "nowhere", "p", PATIENCE)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes one from the room that is left; false when there is some.
fn no_room(room: &AtomicU64) -> bool {
    let taken = room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        Some(left.saturating_sub(1))
    });
    taken.is_ok_and(|before| before == 0)
}

/// What a server says that is being restarted.
fn unavailable() -> s3s::HttpResponse {
    let mut answer = s3s::HttpResponse::new(s3s::Body::empty());
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
}

/// Whoever is answered before all was read sees a broken pipe.
async fn read_to_its_end(request: Request<Incoming>) {
    let mut body = request.into_body();
    let mut frame = async || std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    while frame().await.is_some_and(|frame| frame.is_ok()) {}
}

/// What a server says that does not know what it is asked.
fn invalid_argument() -> s3s::HttpResponse {
    let text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InvalidArgument</Code></Error>";
    let mut answer = s3s::HttpResponse::new(s3s::Body::from(text.to_owned()));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer
}

/// What MinIO says.
fn out_of_room() -> s3s::HttpResponse {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>XMinioStorageFull</Code>\
        <Message>Storage backend has reached its minimum free drive threshold.</Message></Error>";
    let mut answer = s3s::HttpResponse::new(s3s::Body::from(text.to_owned()));
    *answer.status_mut() = StatusCode::INSUFFICIENT_STORAGE;
    answer
}

/// Carries bytes both ways until an allowance is used up; then the connection breaks. `left` is that
/// of all connections for what they read, so that every later one breaks, too; `answers` is that of
/// this one for what it writes.
async fn relay(
    client: TcpStream,
    server: tokio::io::DuplexStream,
    left: Arc<AtomicU64>,
    answers: u64,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = tokio::io::split(server);
    let mut from_server = from_server.take(answers);
    let upward = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read) = from_client.read(&mut buffer).await {
            let spent = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                Some(left.saturating_sub(read as u64))
            });
            if read == 0 || spent.is_ok_and(|before| before <= read as u64) {
                return;
            }
            if tokio::io::AsyncWriteExt::write_all(&mut to_server, &buffer[..read])
                .await
                .is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = upward => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}
