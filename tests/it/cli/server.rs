//! A folder behind HTTP on this machine, which answers as it is told: well, badly or not at all.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// As it should be.
    Well,
    /// With the whole file, whatever range was asked for.
    Whole,
    /// Half of the bytes, and the connection ends.
    Half,
    /// A range that begins one byte late.
    Shifted,
    /// Half of the bytes, and nothing more while the server lives.
    Silence,
    /// The connection ends before the answer.
    Gone,
    /// An error with this status.
    Status(u16),
    /// As from another version of the file.
    Changed,
    /// 503, and when to come back: this value of Retry-After.
    Later(&'static str),
    /// 403, and a complaint that repeats all of the question in four spellings, as object stores do.
    Echo,
    /// 302 to this address.
    SentTo(&'static str),
}

/// Ends when it is dropped.
pub struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves `folder`; `answer` decides on each request by its number from 0.
    pub fn new(folder: &Path, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (requests, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, is_over) = (Arc::clone(&requests), Arc::clone(&ended));
        let (folder, answer) = (folder.to_owned(), Arc::new(answer));
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let all_heads = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(SeqCst) {
                    return;
                }
                let (folder, count, is_over) = (folder.clone(), Arc::clone(&count), Arc::clone(&is_over));
                let (answer, heads) = (Arc::clone(&answer), Arc::clone(&all_heads));
                std::thread::spawn(move || {
                    let answer = answer(count.fetch_add(1, SeqCst));
                    // Who asked may have gone: that is the point of some tests.
                    let _ = head_of(&stream).and_then(|head| {
                        heads.lock().unwrap().push(head.join("\n"));
                        serve(stream, &head, &folder, answer, &is_over)
                    });
                });
            }
        });
        Self { address, requests, ended, heads }
    }

    /// The URL of a file of the folder.
    pub fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }

    /// `http://`, user and password, and the URL of a file of the folder.
    pub fn url_of(&self, user: &str, file: &str) -> String {
        format!("http://{user}@{}/{file}", self.address)
    }

    /// Where it listens.
    pub fn port(&self) -> &str {
        self.address.split_once(':').unwrap().1
    }

    /// What was asked so far, one after the other.
    pub fn heads(&self) -> String {
        self.heads.lock().unwrap().join("\n\n")
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // The listener waits for one more.
        let _ = TcpStream::connect(&self.address);
    }
}

fn head_of(stream: &TcpStream) -> std::io::Result<Vec<String>> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    Ok(lines.take_while(|line| !line.is_empty()).collect())
}

fn serve(
    mut stream: TcpStream,
    head: &[String],
    folder: &Path,
    answer: Answer,
    is_over: &AtomicBool,
) -> std::io::Result<()> {
    let target = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/");
    let file: PathBuf = folder.join(target.trim_start_matches('/').split('?').next().unwrap_or_default());
    let status = match answer {
        Answer::Gone => return Ok(()),
        Answer::Status(status) => status,
        Answer::Later(after) => {
            return refuse(&mut stream, "503 Slow", &format!("Retry-After: {after}\r\n"), "");
        }
        Answer::SentTo(url) => return refuse(&mut stream, "302 Found", &format!("Location: {url}\r\n"), ""),
        Answer::Echo => return refuse(&mut stream, "403 No", "", &complaint(&head.join(" "))),
        _ if !file.is_file() => 404,
        _ => 206,
    };
    if status != 206 {
        return refuse(&mut stream, &format!("{status} No"), "", "");
    }
    let bytes = std::fs::read(file)?;
    let (first, last) = range(head, bytes.len());
    let tag = if answer == Answer::Changed { "two" } else { "one" };
    let shift = usize::from(answer == Answer::Shifted);
    let (status, part) = match answer {
        Answer::Whole => ("200 OK", &bytes[..]),
        _ => ("206 Partial Content", &bytes[first + shift..=last]),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {}-{last}/{}\r\nETag: \"{tag}\"\r\nConnection: close\r\n\r\n",
        part.len(),
        first + shift,
        bytes.len()
    )?;
    let is_cut = matches!(answer, Answer::Half | Answer::Silence);
    stream.write_all(&part[..if is_cut { part.len() / 2 } else { part.len() }])?;
    while answer == Answer::Silence && !is_over.load(SeqCst) {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn refuse(stream: &mut TcpStream, status: &str, header: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{header}Connection: close\r\n\r\n{body}")
}

/// As S3 writes it: the whole question as it came, without its percent signs, and as XML.
fn complaint(question: &str) -> String {
    let plain = question.replace("%20", " ").replace("%7C", "|");
    let xml = question.replace('&', "&amp;");
    format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>{question}</Message><StringToSign>{plain}</StringToSign>\
         <CanonicalRequest>{xml}</CanonicalRequest></Error>"
    )
}

/// First and last byte that `head` asks for, of a file of `size` bytes.
fn range(head: &[String], size: usize) -> (usize, usize) {
    let asked = head
        .iter()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let asked = asked.expect("only ranges are asked for");
    let (first, last) = asked.split_once('-').unwrap();
    (first.parse().unwrap(), last.parse::<usize>().unwrap().min(size - 1))
}
