//! Why an answer brings nothing. Of what the server says no more is taken than its status and the code of its complaint: the rest
//! may repeat what was asked, with its secrets.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};

/// See the module.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It says no.
    Status {
        status: StatusCode,
        /// Of the complaint, as object stores have it.
        code: Option<String>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It sends on to where nobody goes.
    Redirect(String),
    /// It sends the whole object.
    Whole,
    /// It does not say what it sends.
    Unnamed,
}

impl Refusal {
    /// What a request for a range was answered with, but for the code of a complaint; `None` where that brings what was asked for.
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        match status {
            StatusCode::PARTIAL_CONTENT if names_range(headers) => None,
            StatusCode::PARTIAL_CONTENT => Some(Self::Unnamed),
            StatusCode::OK => Some(Self::Whole),
            _ if status.is_redirection() => Some(Self::Redirect(sent_on(headers))),
            _ => Some(Self::Status { status, code: None, retry_after: retry_after(headers) }),
        }
    }

    /// What the system would call it; says whether asking again may help.
    pub fn kind(&self) -> ErrorKind {
        let Self::Status { status, code, .. } = self else {
            return match self {
                Self::Redirect(_) => ErrorKind::PermissionDenied,
                _ => ErrorKind::Unsupported,
            };
        };
        match status.as_u16() {
            // Some servers answer 405 to who asks for a folder.
            404 | 405 | 410 => ErrorKind::NotFound,
            401 | 403 => ErrorKind::PermissionDenied,
            // S3's word for a connection that was silent.
            400 if code.as_deref() == Some("RequestTimeout") => ErrorKind::TimedOut,
            408 | 425 | 429 => ErrorKind::Other,
            501 | 505 => ErrorKind::Unsupported,
            300..=499 => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        }
    }

    /// When the server wants to be asked again, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether a user and a password would help, or others.
    pub fn asks_for_user(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::UNAUTHORIZED, .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, code, .. } => {
                write!(f, "the server answers {}", status.as_u16())?;
                status.canonical_reason().map_or(Ok(()), |reason| write!(f, " {reason}"))?;
                code.as_ref().map_or(Ok(()), |code| write!(f, " ({code})"))
            }
            Self::Redirect(what) => write!(f, "the server {what}"),
            Self::Whole => {
                f.write_str("the server sends whole files only; parts of them are needed (Range requests)")
            }
            Self::Unnamed => f.write_str("the server does not say which bytes it sends (Content-Range)"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The code in `complaint`, as object stores have it.
pub(super) fn code(complaint: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(complaint);
    let (code, _) = text.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_name = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| code.to_owned())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Whether `bytes FIRST-LAST/SIZE` is said, with numbers that can be.
fn names_range(headers: &HeaderMap) -> bool {
    let parse = |text: &str| -> Option<[u64; 3]> {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some([first.parse().ok()?, last.parse().ok()?, size.parse().ok()?])
    };
    let range = text(headers, CONTENT_RANGE).and_then(parse);
    range.is_some_and(|[first, last, size]| first <= last && last < size)
}

/// Of an answer that sends on, but was not followed.
fn sent_on(headers: &HeaderMap) -> String {
    let is_name =
        |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let scheme = text(headers, LOCATION).and_then(|url| url.split_once(':')).map(|(scheme, _)| scheme);
    let region = text(headers, HeaderName::from_static("x-amz-bucket-region"));
    match (scheme.filter(is_name), region.filter(is_name)) {
        (Some(scheme @ ("http" | "https")), _) => {
            format!("sends on to an address of {scheme}:// that is none")
        }
        (Some(scheme), _) => format!("sends on to {scheme}:, which is neither http:// nor https://"),
        (None, Some(region)) => format!("keeps this bucket in the region {region} (AWS_REGION)"),
        (None, None) => {
            "sends on and does not say where to (of a bucket: AWS_REGION may be another)".to_owned()
        }
    }
}

/// In seconds, or until a date by the server's clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    if let Ok(secs) = value.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    let now = text(headers, DATE).and_then(date).unwrap_or_else(|| Utc::now().fixed_offset());
    Some((date(value)? - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn refusal(status: u16, headers: &[(HeaderName, &str)]) -> Option<Refusal> {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let headers = headers.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        Refusal::of(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn a_time_to_come_back_is_in_seconds_or_a_date() {
        // RFC 9110, 10.2.3.
        for (headers, secs) in [
            (vec![(RETRY_AFTER, "120")], Some(120)),
            (
                vec![(RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT"), (DATE, "Fri, 31 Dec 1999 23:59:29 GMT")],
                Some(30),
            ),
            (vec![(RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT")], Some(0)),
            (vec![(RETRY_AFTER, "soon")], None),
            (vec![(RETRY_AFTER, "-1")], None),
            (vec![], None),
        ] {
            let found = refusal(503, &headers).unwrap().retry_after();
            assert_eq!(found, secs.map(Duration::from_secs), "{headers:?}");
        }
    }

    #[test]
    fn only_a_range_with_its_numbers_is_taken() {
        for (range, is_taken) in [
            ("bytes 0-9/10", true),
            ("bytes 5-5/18446744073709551615", true),
            ("bytes 0-10/10", false),
            ("bytes 5-4/10", false),
            ("bytes 0-18446744073709551615/18446744073709551615", false),
            ("bytes 0-9/*", false),
            ("bytes banana", false),
        ] {
            assert_eq!(refusal(206, &[(CONTENT_RANGE, range)]).is_none(), is_taken, "{range}");
        }
        assert!(matches!(refusal(206, &[]), Some(Refusal::Unnamed)));
        assert!(matches!(refusal(200, &[]), Some(Refusal::Whole)));
    }

    #[test]
    fn who_sends_on_to_nowhere_is_told_of() {
        let region = HeaderName::from_static("x-amz-bucket-region");
        for (headers, said) in [
            (vec![(LOCATION, "file:///etc/passwd?sig")], "the server sends on to file:, which is neither"),
            (
                vec![(region, "eu-west-1")],
                "the server keeps this bucket in the region eu-west-1 (AWS_REGION)",
            ),
            (vec![], "the server sends on and does not say where"),
        ] {
            let text = refusal(302, &headers).unwrap().to_string();
            assert!(text.starts_with(said) && !text.contains("sig"), "{text}");
        }
    }

    #[test]
    fn a_complaint_is_known_by_its_code_alone() {
        let complaint = b"<Error><Code>SlowDown</Code><Message>signature=x</Message></Error>";
        assert_eq!(code(complaint).as_deref(), Some("SlowDown"));
        assert_eq!(code(b"<Code>a b</Code>"), None);
        assert_eq!(code(b"\xff<Code>"), None);
        let status = |status, code: &str| Refusal::Status {
            status: StatusCode::from_u16(status).unwrap(),
            code: Some(code.into()),
            retry_after: None,
        };
        assert_eq!(
            status(503, "SlowDown").to_string(),
            "the server answers 503 Service Unavailable (SlowDown)"
        );
        let kinds = [503, 429, 500, 502, 504, 408].map(|number| status(number, "").kind());
        assert_eq!(kinds, [ErrorKind::Other; 6]);
        let kinds = [400, 404, 403, 416, 501].map(|number| status(number, "").kind());
        use ErrorKind::{InvalidInput, NotFound, PermissionDenied, Unsupported};
        assert_eq!(kinds, [InvalidInput, NotFound, PermissionDenied, InvalidInput, Unsupported]);
        assert_eq!(status(400, "RequestTimeout").kind(), ErrorKind::TimedOut);
    }
}
