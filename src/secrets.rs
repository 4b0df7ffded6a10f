//! What no message may tell: user, password and query of every URL, and what the run knows to be secret, however it is spelled.
//!
//! [`Error`](crate::error::Error) and [`say`](crate::say) pass every text through [`hidden`]. Beside that, secrets are not put
//! into texts in the first place; this is for what other programs, servers and crates say.

mod spelling;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use spelling::Plain;

/// What stands for a secret.
const HIDDEN: &str = "…";
/// Bytes of a value of a query that is hidden wherever it stands: shorter ones are words and numbers, and no signatures.
const LONG: usize = 8;
/// Bytes of a user or password that is hidden where it stands alone.
const SHORT: usize = 4;

/// As [`Plain::bytes`] of each.
static KNOWN: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());

/// From now on hides user, password and query of `url`, and each value of the query, in all texts.
pub fn remember_url(url: &str) {
    let parts = Parts::of(url.as_bytes());
    if let Some(user) = parts.user {
        let user = &url[user];
        remember(user);
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        [name, password].into_iter().for_each(remember);
    }
    if let Some(query) = parts.query {
        let query = &url[query];
        for text in query.split(['?', '#', '&']) {
            [text, text.split_once('=').map_or("", |(_, value)| value)]
                .into_iter()
                .filter(|text| text.len() >= LONG)
                .for_each(remember);
        }
    }
}

/// From now on hides `secret` in all texts.
pub fn remember(secret: &str) {
    let plain = Plain::of(secret).bytes();
    if plain.len() >= SHORT {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(plain);
    }
}

/// Whether a user, or a password, stands in `url`.
pub fn has_user(url: &str) -> bool {
    Parts::of(url.as_bytes()).user.is_some_and(|user| !user.is_empty())
}

/// `url` without user, password and query.
pub fn bare(url: &str) -> String {
    let Parts { user, query } = Parts::of(url.as_bytes());
    let end = query.map_or(url.len(), |query| query.start);
    match user {
        // With the @.
        Some(user) => format!("{}{}", &url[..user.start], &url[user.end + 1..end]),
        None => url[..end].to_owned(),
    }
}

/// `text`, whose URLs lose user, password and query, and in which no secret that is known can be read.
pub fn hidden(text: &str) -> String {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    text.split_inclusive('\n').map(|line| hidden_in_line(line, &known)).collect()
}

fn hidden_in_line(line: &str, known: &BTreeSet<Vec<u8>>) -> String {
    let plain = Plain::of(line);
    let bytes = plain.bytes();
    let mut holes: Vec<(Range<usize>, &str)> = Vec::new();
    for url in urls(line, &plain, &bytes) {
        let Parts { user, query } = Parts::of(&bytes[url.clone()]);
        let within = |part: Range<usize>| url.start + part.start..url.start + part.end;
        holes.extend(user.map(|user| (plain.place(within(user.start..user.end + 1)), "")));
        holes.extend(query.map(|query| (plain.place(within(query)), "")));
    }
    for secret in known {
        let stands_alone = |at: usize| {
            let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
            is_apart(at.checked_sub(1).and_then(|i| bytes.get(i))) && is_apart(bytes.get(at + secret.len()))
        };
        let found = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(secret));
        let found = found.filter(|&at| secret.len() >= LONG || stands_alone(at));
        holes.extend(found.map(|at| (plain.place(at..at + secret.len()), HIDDEN)));
    }
    fill(line, holes)
}

/// `line` with `holes`; of those that overlap, the first says what stands there.
fn fill(line: &str, mut holes: Vec<(Range<usize>, &str)>) -> String {
    holes.sort_by_key(|(range, _)| (range.start, usize::MAX - range.end));
    let (mut text, mut at) = (String::with_capacity(line.len()), 0);
    for (range, filling) in holes {
        if range.start >= at {
            text.push_str(&line[at..range.start]);
            text.push_str(filling);
        }
        at = at.max(range.end);
    }
    text + &line[at..]
}

/// Where URLs stand among the plain `bytes` of `line`. One within quotes ends with them, another at a blank of the line itself,
/// and a mark that ends a sentence is not of it.
fn urls(line: &str, plain: &Plain, bytes: &[u8]) -> Vec<Range<usize>> {
    const BETWEEN: &[u8] = b"://";
    let mut urls: Vec<Range<usize>> = Vec::new();
    for at in (0..bytes.len()).filter(|&at| bytes[at..].starts_with(BETWEEN)) {
        if urls.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let scheme = bytes[..at].iter().rev().take_while(|byte| is_of_scheme(byte)).count();
        let written = |unit: usize| line[plain.place(unit..unit + 1)].chars().next().unwrap_or(' ');
        let quote = (at - scheme).checked_sub(1).map(written).filter(|c| "\"'`".contains(*c));
        let ends = |unit: usize| match quote {
            Some(quote) => written(unit) == quote,
            None => written(unit).is_whitespace() || "\"'`<>".contains(written(unit)),
        };
        let end = (at..bytes.len()).find(|&unit| ends(unit)).unwrap_or(bytes.len());
        let marks = bytes[at..end].iter().rev().take_while(|byte| b":;,.)".contains(byte)).count();
        if scheme > 0 {
            urls.push(at - scheme..end - marks);
        }
    }
    urls
}

/// Where in a URL the secrets are: user and password before the @, and everything from the ? or # on.
struct Parts {
    user: Option<Range<usize>>,
    query: Option<Range<usize>>,
}

impl Parts {
    fn of(url: &[u8]) -> Self {
        let start = url.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
        let find = |from: usize, marks: &[u8]| {
            url[from..].iter().position(|byte| marks.contains(byte)).map_or(url.len(), |at| from + at)
        };
        let end = find(start, b"?#");
        let host_end = find(start, b"/?#");
        let last_at = |until: usize| url[start..until].iter().rposition(|&byte| byte == b'@');
        let port = url[start..host_end].iter().position(|&byte| byte == b':').map(|at| start + at + 1);
        // A password with a slash: what then stands for a port is none.
        let is_port = port.is_none_or(|port| url[port..host_end].iter().all(u8::is_ascii_digit));
        let user = last_at(host_end).or_else(|| if is_port { None } else { last_at(url.len()) });
        let user = user.map(|at| start..start + at);
        // A ? in such a password ends nothing.
        let query_start = user.as_ref().map_or(end, |user| find(user.end, b"?#"));
        Self { user, query: (query_start < url.len()).then_some(query_start..url.len()) }
    }
}

#[cfg(test)]
mod tests;
