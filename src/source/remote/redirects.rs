//! Where a server may send on to: a server that is trusted with a request may not have it sent to any other.

use std::net::IpAddr;

use reqwest::Url;

use super::Refusal;

/// So often a request may be sent on.
const MOST: usize = 10;

/// Hosts to which the user lets a server send on, as [`Access::redirects`](crate::source::Access::redirects).
#[derive(Clone, Debug, Default)]
pub(super) struct Redirects(Vec<String>);

impl Redirects {
    pub fn new(allowed: &[String]) -> Self {
        Self(allowed.iter().map(|host| host.trim().to_ascii_lowercase()).collect())
    }

    /// Whether a request for the first of `previous`, which was sent on to the others, may be sent on to `next`: within the same
    /// server, or to one that the user allows; and never from what is encrypted to what is not, unless that is allowed, too.
    ///
    /// # Errors
    /// `Redirect`, with the way on.
    pub fn check(&self, previous: &[Url], next: &Url) -> Result<(), Refusal> {
        let refused = |what: String| Err(Refusal::Redirect(what));
        let Some(typed) = previous.first() else { return Ok(()) };
        if previous.len() > MOST {
            return refused(format!("sends on more than {MOST} times"));
        }
        if !matches!(next.scheme(), "http" | "https") {
            return refused(format!("sends on to {}:, which is neither http:// nor https://", next.scheme()));
        }
        let host = host_of(next);
        let is_downgrade = typed.scheme() == "https" && next.scheme() == "http";
        let allowed = self.0.iter().any(|allowed| {
            let (may_be_plain, allowed) = match allowed.strip_prefix("http://") {
                Some(host) => (true, host),
                None => (false, allowed.strip_prefix("https://").unwrap_or(allowed)),
            };
            (may_be_plain || !is_downgrade) && names(allowed, next)
        });
        if allowed || (is_same_server(typed, next) && !is_downgrade) {
            return Ok(());
        }
        let plain = if is_downgrade { "http://" } else { "" };
        let kind = match () {
            () if is_downgrade => ", where nothing is encrypted",
            () if is_private(next) && !is_private(typed) => {
                ", an address of this computer or of a private network"
            }
            () => ", which is another server",
        };
        refused(format!("sends on to {host}{kind}; --allow-redirects {plain}{host} follows it"))
    }
}

/// With the port, where it is not the usual one.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether `allowed` is the host of `url`, with or without its port, or `*.` and the end of its name.
fn names(allowed: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match allowed.strip_prefix('*') {
        Some(end) => end.starts_with('.') && end.len() > 1 && host.ends_with(end),
        None => allowed == host || allowed == host_of(url),
    }
}

/// Also one that goes over from http:// to https://, at the usual ports.
fn is_same_server(typed: &Url, next: &Url) -> bool {
    let is_upgrade = (typed.scheme(), next.scheme()) == ("http", "https");
    typed.host_str() == next.host_str()
        && (typed.port_or_known_default() == next.port_or_known_default()
            || is_upgrade && typed.port().is_none() && next.port().is_none())
}

/// Of this computer, of a private network, or of the link.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(v4)) => {
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
        }
        Ok(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &str, typed: &str, next: &str) -> Result<(), String> {
        let allowed: Vec<String> = allowed.split_whitespace().map(str::to_owned).collect();
        let [typed, next] = [typed, next].map(|url| Url::parse(url).unwrap());
        Redirects::new(&allowed).check(&[typed], &next).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_same_server_may_send_on() {
        for (typed, next) in [
            ("http://a.org/x", "http://a.org/y"),
            ("http://a.org/x", "https://a.org/y"),
            ("https://a.org:443/x", "https://A.org/y?sig"),
            ("http://127.0.0.1:81/x", "http://127.0.0.1:81/y"),
        ] {
            assert_eq!(check("", typed, next), Ok(()), "{typed} to {next}");
        }
    }

    #[test]
    fn another_is_named_with_the_way_on() {
        for (typed, next, said) in [
            (
                "https://a.org/x",
                "https://b.org/y?sig",
                "b.org, which is another server; --allow-redirects b.org ",
            ),
            ("https://a.org/x", "http://a.org/y", "nothing is encrypted; --allow-redirects http://a.org "),
            ("http://a.org/x", "http://a.org:22/y", "--allow-redirects a.org:22 "),
            (
                "http://a.org/x",
                "http://169.254.169.254/y",
                "private network; --allow-redirects 169.254.169.254 ",
            ),
            ("http://a.org/x", "http://localhost/y", "private network; --allow-redirects localhost "),
            ("http://a.org/x", "http://[::1]:8/y", "private network; --allow-redirects [::1]:8 "),
            ("http://127.0.0.1/x", "http://[fe80::1]/y", "another server; --allow-redirects [fe80::1] "),
            ("http://a.org/x", "ftp://a.org/y", "ftp:, which is neither http:// nor https://"),
        ] {
            let text = check("other.org *.com", typed, next).unwrap_err();
            assert!(text.contains(said) && !text.contains("sig"), "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_followed_and_no_more() {
        for (allowed, typed, next, is_followed) in [
            ("b.org", "https://a.org/", "https://b.org/", true),
            ("B.org", "http://a.org/", "http://b.org:81/", true),
            ("b.org:81", "http://a.org/", "http://b.org:81/", true),
            ("b.org:81", "http://a.org/", "http://b.org:82/", false),
            ("b.org", "https://a.org/", "http://b.org/", false),
            ("http://b.org", "https://a.org/", "http://b.org/", true),
            ("https://b.org", "https://a.org/", "https://b.org/", true),
            ("*.b.org", "https://a.org/", "https://x.y.b.org/", true),
            ("*.b.org", "https://a.org/", "https://xb.org/", false),
            ("*.b.org", "https://a.org/", "https://b.org/", false),
            ("*", "https://a.org/", "https://b.org/", false),
            ("*.", "https://a.org/", "https://b.org./", false),
            ("x [::1]", "https://a.org/", "https://[::1]:8/", true),
        ] {
            assert_eq!(check(allowed, typed, next).is_ok(), is_followed, "{allowed}: {next}");
        }
        let url = Url::parse("http://a.org/").unwrap();
        let loops = Redirects::default().check(&vec![url.clone(); 11], &url).unwrap_err();
        assert_eq!(loops.to_string(), "the server sends on more than 10 times");
    }
}
