//! What a URL of `http://` or `https://` says: where the object is, and who asks for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::secrets;

/// A URL in two parts.
pub(super) struct Address {
    /// Without user and password.
    pub url: Url,
    /// User and password, as they are sent (RFC 7617).
    pub authorization: Option<HeaderValue>,
}

impl Address {
    /// Of `url`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let mut url = Url::parse(url).map_err(|error| format!("no URL: {error}"))?;
        let parts = [url.username(), url.password().unwrap_or_default()].map(decoded);
        url.set_fragment(None);
        let is_bare = url.set_username("").and(url.set_password(None)).is_ok();
        if !is_bare {
            return Err("no URL: it has no host".to_owned());
        }
        let authorization = if parts.iter().all(Vec::is_empty) {
            None
        } else {
            let coded = STANDARD.encode(parts.join(&b':'));
            secrets::remember(&coded);
            let mut value =
                HeaderValue::try_from(format!("Basic {coded}")).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Some(value)
        };
        Ok(Self { url, authorization })
    }
}

/// `text` without its percent signs.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]),
            None => (bytes.push(first), rest = after),
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_sent_as_the_standard_has_it() {
        // RFC 7617: Aladdin and "open sesame"; "test" and "123£".
        for (url, bare, sent) in [
            (
                "http://Aladdin:open%20sesame@host:81/a.czi?x=1#y",
                "http://host:81/a.czi?x=1",
                Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ),
            ("https://test:123%C2%A3@host/", "https://host/", Some("Basic dGVzdDoxMjPCow==")),
            ("https://host/a b.czi", "https://host/a%20b.czi", None),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.url.as_str(), bare);
            assert_eq!(address.authorization.as_ref().map(|value| value.to_str().unwrap()), sent);
        }
        for wrong in ["http://", "http://host:port/", "http://me:p/w@host/"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
