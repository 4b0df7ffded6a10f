//! The way to a server: its address, who asks, how patiently.

use std::fmt;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::Runtime;

use super::{Address, Connector, ObjectSource, Redirects};
use crate::error::{Error, Result};
use crate::secrets;
use crate::source::Access;
use crate::stop::Stop;
use crate::threads;

/// Threads that carry bytes from the network: one for a connection's bytes while another's are decrypted.
const THREADS: usize = 2;
/// How long a thread without work stays: longer than a run.
const LIFE: Duration = Duration::from_secs(365 * 86400);
/// Bytes that come when a file is opened: what formats look at first.
const HEAD: u64 = 64 << 10;

/// Each of these says who asks. Without one, only the machines of Amazon know.
const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];
const NO_CREDENTIALS: &str = "; AWS_ACCESS_KEY_ID is not set (AWS_SKIP_SIGNATURE=true reads what is public)";
/// Their values are secret.
const SECRET: [&str; 3] = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN"];

/// A server, and the object or folder on it that was asked for. Clones share their connections.
#[derive(Clone)]
pub struct Connection {
    pub(super) runtime: Arc<Runtime>,
    pub(super) store: Arc<dyn ObjectStore>,
    /// Of the object or folder.
    key: Key,
    name: PathBuf,
    /// How long the server may be silent.
    pub(super) timeout: Duration,
    /// Ends the waiting.
    pub(super) stop: Stop,
    /// Bytes that one request asks for, at most.
    pub(super) most: u64,
    /// What may be the cause when the server refuses.
    pub(super) advice: Advice,
}

/// What may be the cause when a server refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Advice {
    /// Nothing is known.
    None,
    /// Nobody said who asks for what is in a bucket.
    NoCredentials,
    /// Nobody said who asks.
    NoUser,
    /// User and password were sent.
    WrongUser,
}

impl Advice {
    /// To be put behind a message; `asks_for_user`: the server wants to know who asks.
    pub fn text(self, asks_for_user: bool) -> &'static str {
        match self {
            Self::NoCredentials => NO_CREDENTIALS,
            Self::NoUser if asks_for_user => {
                "; user and password stand before the host, as USER:PASSWORD@HOST"
            }
            Self::WrongUser if asks_for_user => "; the user and password of the URL were sent",
            _ => "",
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.name.display())
    }
}

impl Connection {
    /// To the server of `url`, which messages call `name`. Nothing is sent yet. What `access` says of silence, redirects and parts
    /// is kept to.
    ///
    /// # Errors
    /// `Unsupported` for another scheme than http, https and s3, `Io` for an address or credentials that cannot be, `Option` for
    /// an endpoint with a password, `Limit` where the system gives no threads.
    pub fn new(url: &str, name: PathBuf, access: &Access) -> Result<Self> {
        secrets::remember_url(url);
        let io = |what: String| Error::io(&name, IoError::new(ErrorKind::InvalidInput, what));
        // Another part of the program may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut connector = Connector { redirects: Redirects::new(&access.redirects), authorization: None };
        let client = ClientOptions::new().with_timeout_disabled().with_connect_timeout(access.timeout);
        let retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let (store, key, advice): (Arc<dyn ObjectStore>, Key, Advice) = match url.split_once("://") {
            Some(("http" | "https", _)) => {
                let Address { url, authorization } = Address::parse(url).map_err(io)?;
                let advice = if authorization.is_some() { Advice::WrongUser } else { Advice::NoUser };
                connector.authorization = authorization;
                let builder = HttpBuilder::new().with_url(url).with_retry(retries);
                let builder = builder.with_client_options(client.with_allow_http(true));
                let store = builder.with_http_connector(connector).build();
                (Arc::new(store.map_err(|error| io(error.to_string()))?), Key::default(), advice)
            }
            Some(("s3", rest)) => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                let is_known = CREDENTIALS.iter().any(|name| std::env::var_os(name).is_some());
                let advice = if is_known { Advice::None } else { Advice::NoCredentials };
                let builder = s3(client)?.with_bucket_name(bucket).with_retry(retries);
                let store = builder.with_http_connector(connector).build();
                let key = Key::parse(key).map_err(|error| io(error.to_string()))?;
                (Arc::new(store.map_err(|error| io(error.to_string()))?), key, advice)
            }
            _ => return Err(Error::unsupported(&name, "a URL of another kind than http, https and s3")),
        };
        let runtime = Arc::new(runtime()?);
        let (timeout, stop) = (access.timeout, access.stop.clone());
        Ok(Self { runtime, store, key, name, timeout, stop, most: access.part_bytes.max(1), advice })
    }

    /// The object itself.
    ///
    /// # Errors
    /// As [`Connection::object_below`].
    pub fn object(&self) -> Result<ObjectSource> {
        ObjectSource::open(self.clone(), self.key.clone(), self.name.clone(), HEAD)
    }

    /// The object `path`, such as `0/zarr.json`, of a folder; its first `head` bytes come at once.
    ///
    /// # Errors
    /// `Io`: not there, not allowed, no answer; or its server does not send parts of objects.
    pub fn object_below(&self, path: &str, head: u64) -> Result<ObjectSource> {
        let key = self.key.parts().chain(Key::from(path).parts()).collect();
        ObjectSource::open(self.clone(), key, self.name.join(Path::new(path)), head)
    }
}

/// As the usual variables AWS_* say. An endpoint that they give as http:// is meant so.
fn s3(client: ClientOptions) -> Result<AmazonS3Builder> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("AWS_"))?;
        let value = value.into_string().ok()?;
        secrets::remember_url(&value);
        if SECRET.contains(&name.as_str()) {
            secrets::remember(&value);
        }
        let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().ok()?;
        Some((name, key, value))
    });
    let mut builder = AmazonS3Builder::new().with_client_options(client);
    for (name, key, value) in variables {
        if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
            if secrets::bare(&value).len() < value.len() {
                let what = "an endpoint without user, password and query: AWS_ACCESS_KEY_ID and \
                            AWS_SECRET_ACCESS_KEY say who asks";
                return Err(Error::option(name, what));
            }
            if value.starts_with("http://") {
                builder = builder.with_allow_http(true);
            }
        }
        builder = builder.with_config(key, value);
    }
    Ok(builder)
}

/// Whether there are threads for it is tried first: tokio gives up with a panic where the system gives it none.
fn runtime() -> Result<Runtime> {
    // One more looks up the names of hosts, and those that were tried may not all be gone yet.
    threads::check(2 * (THREADS + 1))?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).thread_name("network").thread_keep_alive(LIFE).enable_all();
    let runtime = runtime.build().map_err(|error| threads::refused(&error))?;
    // The one that looks up names is made now, when there is one, and stays.
    runtime.spawn_blocking(|| ());
    Ok(runtime)
}
