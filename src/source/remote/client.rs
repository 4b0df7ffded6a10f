//! Sends the requests of `object_store`: with the user and password of the URL, on to no server but those that are allowed, and
//! with a [`Refusal`] in place of an answer that brings nothing.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use object_store::ClientConfigKey::{
    AllowHttp, AllowInvalidCertificates, ConnectTimeout, Http1Only, ProxyCaCertificate, ProxyExcludes,
    ProxyUrl, UserAgent,
};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientOptions, Error as StoreError};
use reqwest::header::{AUTHORIZATION, HeaderValue, RANGE};
use reqwest::redirect::Policy;

use super::refusal::code;
use super::{Redirects, Refusal};
use crate::secrets;
use crate::source::seconds;

/// Bytes of a complaint that are looked at.
const COMPLAINT: usize = 4096;

/// Makes a [`Client`].
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub redirects: Redirects,
    /// User and password, as they are sent.
    pub authorization: Option<HeaderValue>,
}

#[derive(Debug)]
struct Client {
    inner: HttpClient,
    authorization: Option<HeaderValue>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.client(options);
        let client =
            client.map_err(|error| StoreError::Generic { store: "HTTP", source: Box::new(error) })?;
        let authorization = self.authorization.clone();
        Ok(HttpClient::new(Client { inner: HttpClient::new(client), authorization }))
    }
}

impl Connector {
    fn client(&self, options: &ClientOptions) -> reqwest::Result<reqwest::Client> {
        let told = |key| options.get_config_value(&key);
        let is_told = |key| {
            told(key).is_some_and(|text| matches!(&*text.to_lowercase(), "1" | "true" | "on" | "yes" | "y"))
        };
        // As in `1m 30s`.
        let secs = told(ConnectTimeout).and_then(|text| text.split(' ').map(seconds).sum::<Option<f64>>());
        let redirects = self.redirects.clone();
        let policy = Policy::custom(move |attempt| {
            // Before anything can be said of it.
            secrets::remember_url(attempt.url().as_str());
            match redirects.check(attempt.previous(), attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(refusal) => attempt.error(refusal),
            }
        });
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned();
        let mut builder = reqwest::Client::builder()
            .redirect(policy)
            .user_agent(told(UserAgent).unwrap_or(agent))
            .https_only(!is_told(AllowHttp))
            .danger_accept_invalid_certs(is_told(AllowInvalidCertificates));
        if let Some(secs) = secs {
            builder = builder.connect_timeout(Duration::from_secs_f64(secs));
        }
        if is_told(Http1Only) {
            builder = builder.http1_only();
        }
        if let Some(url) = told(ProxyUrl) {
            let excludes = told(ProxyExcludes).and_then(|hosts| reqwest::NoProxy::from_string(&hosts));
            builder = builder.proxy(reqwest::Proxy::all(url)?.no_proxy(excludes));
        }
        if let Some(certificate) = told(ProxyCaCertificate) {
            builder = builder.tls_certs_merge([reqwest::Certificate::from_pem(certificate.as_bytes())?]);
        }
        builder.build()
    }
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Pixels are asked for by their range, credentials are not.
        let is_for_bytes = request.headers().contains_key(RANGE);
        if let Some(authorization) = self.authorization.as_ref().filter(|_| is_for_bytes) {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let (parts, body) = self.inner.execute(request).await?.into_parts();
        if is_for_bytes {
            match Refusal::of(parts.status, &parts.headers) {
                None => Ok(HttpResponse::from_parts(parts, body)),
                Some(refusal) => Err(HttpError::new(HttpErrorKind::Unknown, with_code(refusal, body).await)),
            }
        } else if parts.status.is_success() {
            Ok(HttpResponse::from_parts(parts, body))
        } else {
            let code = complaint(body).await.unwrap_or_default();
            Ok(HttpResponse::from_parts(parts, code.into()))
        }
    }
}

async fn with_code(refusal: Refusal, body: HttpResponseBody) -> Refusal {
    match refusal {
        Refusal::Status { status, retry_after, .. } => {
            Refusal::Status { status, code: complaint(body).await, retry_after }
        }
        other => other,
    }
}

/// The code of the complaint in `body`, of which no more than its beginning is received.
async fn complaint(body: HttpResponseBody) -> Option<String> {
    let mut parts = body.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(Ok(part)) = parts.next().await {
        bytes.extend_from_slice(&part[..part.len().min(COMPLAINT - bytes.len())]);
        if bytes.len() == COMPLAINT {
            break;
        }
    }
    code(&bytes)
}
