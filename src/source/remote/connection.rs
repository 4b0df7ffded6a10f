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

use super::ObjectSource;
use crate::error::{Error, Result};

/// Threads that carry bytes from the network: one for a connection's bytes while another's are decrypted.
const THREADS: usize = 2;
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
    /// Bytes that one request asks for, at most.
    pub(super) most: u64,
    /// What may be the cause when the server refuses.
    pub(super) advice: &'static str,
    /// Parts of the URL that are not shown.
    pub(super) secrets: Vec<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.name.display())
    }
}

impl Connection {
    /// To the server of `url`, which messages call `name`. Nothing is sent yet. A silence of `timeout` is a failure, and
    /// no request is for more than `most` bytes.
    ///
    /// # Errors
    /// `Unsupported` for another scheme than http, https and s3, `Io` for an address or credentials that cannot be.
    pub fn new(url: &str, name: PathBuf, timeout: Duration, most: u64) -> Result<Self> {
        let io = |what: String| Error::io(&name, IoError::new(ErrorKind::InvalidInput, what));
        // Another part of the program may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new().with_timeout_disabled().with_connect_timeout(timeout);
        let retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let mut advice = "";
        let (store, key): (Arc<dyn ObjectStore>, Key) = match url.split_once("://") {
            Some(("http" | "https", _)) => {
                let client = client.with_allow_http(true);
                let builder =
                    HttpBuilder::new().with_url(url).with_client_options(client).with_retry(retries);
                (Arc::new(builder.build().map_err(|error| io(error.to_string()))?), Key::default())
            }
            Some(("s3", rest)) => {
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                if CREDENTIALS.iter().all(|name| std::env::var_os(name).is_none()) {
                    advice = NO_CREDENTIALS;
                }
                let builder = s3(client).with_bucket_name(bucket).with_retry(retries);
                let store = builder.build().map_err(|error| io(error.to_string()))?;
                (Arc::new(store), Key::parse(key).map_err(|error| io(error.to_string()))?)
            }
            _ => return Err(Error::unsupported(&name, "a URL of another kind than http, https and s3")),
        };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(THREADS).thread_name("network").enable_all().build();
        let runtime = Arc::new(runtime.map_err(|error| Error::io(&name, error))?);
        let secrets = secrets(url);
        Ok(Self { secrets, runtime, store, key, name, timeout, most: most.max(1), advice })
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

/// User, password and query of `url`.
fn secrets(url: &str) -> Vec<String> {
    let query = url.split_once('?').map(|(_, query)| query);
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user = host.and_then(|host| host.rsplit_once('@')).map(|(user, _)| user);
    [query, user].into_iter().flatten().filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// As the usual variables AWS_* say. An endpoint that they give as http:// is meant so.
fn s3(client: ClientOptions) -> AmazonS3Builder {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("AWS_"))?;
        let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().ok()?;
        Some((key, value.into_string().ok()?))
    });
    let mut builder = AmazonS3Builder::new().with_client_options(client);
    for (key, value) in variables {
        let is_endpoint = matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint);
        if is_endpoint && value.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
        builder = builder.with_config(key, value);
    }
    builder
}
