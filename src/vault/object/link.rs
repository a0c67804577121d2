//! The connection: one client, one runtime of the process, and the conditions on ends of uploads.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::AmazonS3;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::super::location::BucketPlace;
use super::super::path::{OWN_FOLDER, VaultPath};
use super::address::{Address, StoreSettings};
use super::fault::{Fault, FaultKind};
use crate::error::{Error, ErrorKind, Result};

/// Requests of one call that are under way together.
pub(super) const IN_FLIGHT: usize = 32;
/// S3's own limit.
const KEY_BYTES_MAX: usize = 1024;
/// Silence for so long ends a request: a part of an upload takes less on any useful line.
const SILENCE_AT_MOST: Duration = Duration::from_secs(120);
/// So often it is looked whether to stop.
const STOP_PAUSE: Duration = Duration::from_millis(100);
const CONNECT_AT_MOST: Duration = Duration::from_secs(10);
/// Together about half a minute of waiting for a store that fails.
const RETRIES: usize = 8;
const RETRY_AT_MOST: Duration = Duration::from_secs(150);

/// A vault in a bucket, open. Its `Debug` and `Display` show no secret.
pub(crate) struct ObjectVault {
    pub(super) store: AmazonS3,
    pub(super) ends: Arc<Ends>,
    pub(super) address: Address,
    runtime: &'static Runtime,
}

impl ObjectVault {
    /// Opens it and asks for its marker, so that a wrong bucket or key is found before anything else.
    ///
    /// # Errors
    /// `Usage` for an environment that cannot be, `Vault` where the store refuses.
    pub(crate) fn open(place: &BucketPlace, settings: &StoreSettings) -> Result<Self> {
        let address = Address::new(place, settings)?;
        // The client has no cryptography of its own; a provider that is set already is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ends = Arc::new(Ends::default());
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_AT_MOST)
            .with_read_timeout(SILENCE_AT_MOST);
        let backoff =
            BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(10), base: 2.0 };
        let built = address
            .builder()
            .with_client_options(client.with_allow_http(address.is_plain_http()))
            .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_AT_MOST })
            .with_http_connector(Connector(Arc::clone(&ends)))
            .build();
        let store = built.map_err(|_| {
            Error::new(ErrorKind::Usage, format!("open the vault {address}: the AWS_… variables do not fit together"))
                .with_remedy("check AWS_ENDPOINT_URL and AWS_REGION")
        })?;
        let vault = Self { store, ends, address, runtime: runtime()? };
        vault.probe()?;
        Ok(vault)
    }

    /// Waits for an answer, in a thread that may block.
    pub(super) fn wait<F: Future>(&self, answer: F) -> F::Output {
        self.runtime.block_on(answer)
    }

    /// As `wait`, for questions that can be given up: until it is told to stop.
    pub(super) fn wait_unless<T>(
        &self,
        stop: &AtomicBool,
        answer: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let told = async {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(STOP_PAUSE).await;
            }
        };
        self.wait(async {
            tokio::select! {
                answer = answer => answer,
                () = told => Err(Fault::stopped()),
            }
        })
    }

    /// Starts something that goes on by itself.
    pub(super) fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        self.runtime.spawn(work)
    }

    /// The object's key.
    pub(super) fn key(&self, path: &VaultPath) -> Result<Key, Fault> {
        self.key_of(path.as_str())
    }

    /// The key of one of Tithe's own objects.
    pub(super) fn own_key(&self, name: &str) -> Result<Key, Fault> {
        self.key_of(&format!("{OWN_FOLDER}/{name}"))
    }

    /// A key below the vault's prefix.
    pub(super) fn key_of(&self, below: &str) -> Result<Key, Fault> {
        let slash = if self.address.place.prefix.is_empty() || below.is_empty() { "" } else { "/" };
        let text = format!("{}{slash}{below}", self.address.place.prefix);
        if text.len() > KEY_BYTES_MAX {
            return Err(Fault::new(FaultKind::Broken, "its name is longer than an object store takes"));
        }
        Key::parse(text).map_err(|_| Fault::new(FaultKind::Broken, "its name cannot be an object's"))
    }

    /// What follows the vault's prefix in a key.
    pub(super) fn below<'k>(&self, key: &'k Key) -> &'k str {
        let rest = key.as_ref().strip_prefix(self.address.place.prefix.as_str()).unwrap_or(key.as_ref());
        rest.trim_start_matches('/')
    }

    /// Tells this bucket from one of the same name elsewhere.
    pub(super) fn identity_text(&self) -> String {
        format!("{} {}", self.address.endpoint().unwrap_or_default(), self.address)
    }

    /// One lies in the other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let (one, two) = (format!("{}/", self.identity_text()), format!("{}/", other.identity_text()));
        one.starts_with(&two) || two.starts_with(&one)
    }

    /// How users are told of it.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }
}

impl fmt::Debug for ObjectVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectVault({})", self.address)
    }
}

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread().worker_threads(2).thread_name("objects").enable_all().build();
    let built = built.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "start the threads that talk to a store").with_cause(cause)
    })?;
    Ok(RUNTIME.get_or_init(|| built))
}

/// A condition: a header's name and value.
pub(super) type Condition = (&'static str, String);

/// What must stand at a key when an upload of many parts ends. The client cannot say it, so the header is added on the
/// way; as the client's own condition for copies, it needs no signature.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<HashMap<String, Condition>>);

impl Ends {
    pub(super) fn set(&self, upload: &str, condition: Condition) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.to_owned(), condition);
    }

    pub(super) fn forget(&self, upload: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(upload);
    }

    fn of(&self, request: &HttpRequest) -> Option<Condition> {
        if request.method() != "POST" {
            return None;
        }
        let query = request.uri().query()?;
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Upload ids may be encoded in the query.
        ends.iter()
            .find(|(upload, _)| query.contains(&format!("uploadId={}", encoded(upload))))
            .map(|(_, end)| end.clone())
    }
}

/// As `application/x-www-form-urlencoded` has it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[derive(Debug)]
struct Connector(Arc<Ends>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let next = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Conditional { next, ends: Arc::clone(&self.0) }))
    }
}

#[derive(Debug)]
struct Conditional {
    next: HttpClient,
    ends: Arc<Ends>,
}

impl HttpService for Conditional {
    fn call<'a, 'async_trait>(
        &'a self,
        mut request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'async_trait>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        if let Some((name, value)) = self.ends.of(&request)
            && let Ok(value) = value.parse()
        {
            request.headers_mut().insert(name, value);
        }
        Box::pin(async move { self.next.execute(request).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_ids_are_found_as_they_are_sent() {
        assert_eq!(encoded("aZ9.-_*"), "aZ9.-_*");
        assert_eq!(encoded("a b/c~="), "a+b%2Fc%7E%3D");
    }
}
