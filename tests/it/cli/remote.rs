//! Input behind HTTP: the same pixels as from the disk, or a clear message; never others, whatever the server does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use decon_gpu::dataset::Compression;
use decon_gpu::error::{Error, Result};
use decon_gpu::pixels::PixelType;
use decon_gpu::source::{Access, Location, Merging, ReadAt};
use decon_gpu::timeline::{Detail, Timeline};
use tempfile::TempDir;

use crate::cli::mosaic::{Piece, five_fields, metadata, write};
use crate::cli::output::image;
use crate::cli::program::{decon_gpu, run, text};
use crate::cli::server::{Answer, Server};

/// Longer than what comes with the first answer (64 KiB); 251 is prime, so a shifted range shows.
fn bytes() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i % 251) as u8).collect()
}

fn folder_with_bytes() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bytes"), bytes()).unwrap();
    folder
}

fn access(retries: u32, most: u64) -> Access {
    let merging = Merging { gap: 0, most };
    let timeout = Duration::from_millis(500);
    Access { retries: Some(retries), timeout, merging, part_bytes: most, ..Access::default() }
}

fn open(server: &Server, access: &Access) -> Result<Box<dyn ReadAt>> {
    access.open(&Location::Url(server.url("bytes")), Timeline::new(Detail::Sums).requests())
}

#[test]
fn every_range_is_what_the_file_has_there() {
    let folder = folder_with_bytes();
    let server = Server::new(folder.path(), |_| Answer::Well);
    let source = open(&server, &access(0, 50_000)).unwrap();
    assert_eq!(source.size(), 300_000);
    for (offset, length, requests) in [
        (0, 65_536, 0),
        (1, 65_536, 2),
        (65_535, 3, 1),
        (299_999, 1, 1),
        (100_000, 50_000, 1),
        (7, 299_993, 6),
        (300_000, 0, 0),
    ] {
        let (before, mut found) = (server.requests(), vec![0; length]);
        source.read_exact_at(offset, &mut found).unwrap();
        assert_eq!(found, bytes()[offset as usize..][..length], "{length} bytes at {offset}");
        assert_eq!(server.requests() - before, requests, "{length} bytes at {offset}");
    }
    let error = source.read_exact_at(299_999, &mut [0; 2]).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error}");
}

const FAULTS: [(Answer, &str); 6] = [
    (Answer::Half, "end of file before message"),
    (Answer::Shifted, "Requested 100000..250000, got 100001..250000"),
    (Answer::Silence, "no byte came for 0.5 s (--timeout)"),
    (Answer::Gone, "connection closed before message"),
    (Answer::Status(503), "503"),
    (Answer::Status(429), "429"),
];

#[test]
fn a_request_that_fails_is_repeated() {
    let folder = folder_with_bytes();
    for (fault, _) in FAULTS {
        // The first two requests are to open it.
        let server = Server::new(folder.path(), move |i| if i == 0 || i == 2 { fault } else { Answer::Well });
        let source = open(&server, &access(1, 1 << 20)).unwrap();
        let mut found = vec![0; 150_000];
        source.read_exact_at(100_000, &mut found).unwrap();
        assert!(found == bytes()[100_000..250_000], "{fault:?}");
        assert_eq!(server.requests(), 4, "{fault:?}");
    }
}

#[test]
fn one_that_always_fails_says_what_the_server_did() {
    let folder = folder_with_bytes();
    for (fault, said) in FAULTS {
        let server = Server::new(folder.path(), move |i| if i == 0 { Answer::Well } else { fault });
        let source = open(&server, &access(1, 1 << 20)).unwrap();
        let error = source.read_exact_at(100_000, &mut vec![0; 150_000]).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        let error = error.to_string();
        let told = "bytes: reading 150000 bytes at byte 100000 failed 2 times (--retries): ";
        assert!(error.contains(told) && error.contains(said), "{fault:?}: {error}");
        assert_eq!(server.requests(), 3, "{fault:?}");
    }
}

#[test]
fn what_no_retry_cures_is_said_at_once() {
    let folder = folder_with_bytes();
    for (fault, said) in [
        (Answer::Changed, "changed while it was read (tag \"one\", then tag \"two\")"),
        (Answer::Whole, "the server sends whole files only"),
        (Answer::Status(404), "the server answers 404 Not Found"),
        (Answer::Status(403), "the server answers 403 Forbidden"),
        (Answer::Status(400), "the server answers 400 Bad Request"),
        (Answer::Echo, "the server answers 403 Forbidden (SignatureDoesNotMatch)"),
        (Answer::SentTo("http://127.0.0.2/bytes"), "--allow-redirects 127.0.0.2 follows it"),
    ] {
        let server = Server::new(folder.path(), move |i| if i == 0 { Answer::Well } else { fault });
        let source = open(&server, &access(5, 1 << 20)).unwrap();
        let error = source.read_exact_at(100_000, &mut [0; 10]).unwrap_err().to_string();
        assert!(error.contains(said), "{fault:?}: {error}");
        assert_eq!(server.requests(), 2, "{fault:?}: {error}");
    }
}

/// A mosaic of more than the bytes that come with the first answer.
fn mosaic(folder: &Path) -> PathBuf {
    let path = folder.join("in.czi");
    let plain = |piece: Piece| piece.compressed(Compression::Uncompressed);
    let plane = |z| five_fields(PixelType::Gray16).into_iter().map(move |piece| plain(piece).at(0, 0, z));
    write(&path, &(0..8).flat_map(plane).collect::<Vec<_>>(), &metadata(1));
    path
}

#[test]
fn a_run_over_http_gives_the_pixels_of_a_run_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (mosaic(folder.path()), folder.path().join("out.zarr"));
    run(&input, &output, "--iterations 0 --quiet").done();
    let expected = image(&output);

    // One request of four fails.
    let server = Server::new(folder.path(), |i| if i % 4 == 1 { Answer::Half } else { Answer::Well });
    let url = server.url("in.czi?signature=secret");
    for flags in [
        "--readers 4 --retries 20 --request-size 9KB",
        "--simulate-storage errors=0.1,seed=3",
        "--timeout 20s",
    ] {
        let ended = run(Path::new(&url), &output, &format!("--iterations 0 --overwrite {flags}")).done();
        let found = image(&output);
        assert!(
            found.shape == expected.shape && found.pixels() == expected.pixels(),
            "{flags}: other pixels"
        );
        let stored = std::fs::read_to_string(output.join("zarr.json")).unwrap();
        assert!(!(stored + &ended.stderr).contains("secret"), "a signature is nobody's business");
    }
    let plain = decon_gpu(&["info", &folder.path().join("in.czi").to_string_lossy()]).done().stdout;
    let remote = decon_gpu(&["info", &server.url("in.czi")]).done().stdout;
    assert_eq!(plain.split_once('\n').unwrap().1, remote.split_once('\n').unwrap().1);
}

#[test]
fn a_url_that_cannot_be_read_ends_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.zarr");
    let fails = |url: &str, flags: &str, code: i32, what: &str| {
        run(Path::new(url), &output, &format!("--retries 0 {flags}")).failed(code, what);
        assert!(!output.exists());
    };
    let server = Server::new(folder.path(), |_| Answer::Well);
    let ended = run(Path::new(&server.url("none.czi?key=secret")), &output, "--retries 0");
    assert!(!ended.failed(1, "none.czi: the server answers 404 Not Found").stderr.contains("secret"));
    fails(&server.url("none.czi"), "--io mmap", 2, "--io: only a file of this computer can be mapped");
    fails(&server.url("none.czi"), "--timeout 3", 2, "--timeout: 3 is not a time such as 30s");
    fails("ftp://host/a.czi", "", 1, "ftp://host/a.czi: not supported: a URL of another kind");
    // A port that nobody listens at.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fails(&format!("http://{closed}/a.czi"), "", 1, "onnection refused");
}

#[test]
fn an_ome_zarr_over_http_is_as_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (mosaic(folder.path()), folder.path().join("out.zarr"));
    run(&input, &folder.path().join("in.zarr"), "--iterations 0 --chunk 16 --shard 48").done();
    let expected = image(&folder.path().join("in.zarr"));
    // One request of five fails.
    let server = Server::new(folder.path(), |i| if i % 5 == 1 { Answer::Half } else { Answer::Well });
    let url = server.url("in.zarr");
    run(Path::new(&url), &output, "--iterations 0 --readers 4 --retries 20").done();
    let found = image(&output);
    assert!(found.shape == expected.shape && found.pixels() == expected.pixels(), "other pixels");
}

/// Nothing of the URL's user, password and query is told, whatever the server says and however it spells it.
#[test]
fn no_failure_tells_what_is_secret() {
    let folder = folder_with_bytes();
    let other = Server::new(folder.path(), |_| Answer::Echo);
    let sent_to: &'static str = other.url("bytes?X-Amz-Signature=REDIRECTED%20SECRET").leak();
    for answer in [
        Answer::Echo,
        Answer::SentTo(sent_to),
        Answer::Status(401),
        Answer::Status(500),
        Answer::Gone,
        Answer::Whole,
        Answer::Shifted,
        Answer::Well,
    ] {
        let server = Server::new(folder.path(), move |_| answer);
        for query in ["token=SIGSECRET", "token=SIG SECRET", "token=SIG|SECRET&n=1", "SIG%7CSECRET"] {
            let url = server.url_of("USERNAME:PW%40SECRET", &format!("bytes?{query}"));
            let [summary, page] = ["s.json", "r.html"].map(|name| folder.path().join(name));
            let flags = ["--retries", "0", "--progress", "json", "--allow-redirects", "127.0.0.1"];
            let reports = ["--summary", text(&summary), "--report", text(&page)];
            let out = folder.path().join("out.zarr");
            let arguments = ["run", &url, "-o", text(&out), "--backend", "cpu"];
            let ended = decon_gpu(&[&arguments[..], &flags, &reports].concat());
            assert_eq!(ended.code, Some(1), "{answer:?}: {}", ended.stderr);
            let files = [summary, page].map(|path| std::fs::read_to_string(path).unwrap_or_default());
            let told = format!("{}{}{}{}", ended.stdout, ended.stderr, files[0], files[1]);
            for secret in ["SECRET", "USERNAME", "token="] {
                assert!(!told.contains(secret), "{answer:?}, {query}: {told}");
            }
        }
        let sent = format!("authorization: Basic {}", "VVNFUk5BTUU6UFdAU0VDUkVU");
        assert!(server.heads().contains(&sent), "the user and the password are sent: {}", server.heads());
    }
    assert!(!other.heads().is_empty() && !other.heads().contains("authorization"), "{}", other.heads());
}

#[test]
fn a_url_where_a_path_is_needed_is_refused_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let input = mosaic(folder.path());
    let url = "http://u:PWSECRET@127.0.0.1:1/p.tif?SIGSECRET";
    for flag in ["--psf", "--flatfield", "--darkfield", "--output"] {
        let output = ["--output", text(&folder.path().join("o.zarr"))].map(str::to_owned);
        let mut arguments = vec!["run", text(&input), flag, url];
        if flag != "--output" {
            arguments.extend(output.iter().map(String::as_str));
        }
        let said = decon_gpu(&arguments).failed(2, "error: ").stderr;
        assert!(said.contains(&format!("{flag}: http://127.0.0.1:1/p.tif is a URL")), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
    for arguments in [&["info", text(&input), url][..], &["run", text(&input), "--scale", url]] {
        let said = decon_gpu(arguments).stderr;
        assert!(said.contains("http://127.0.0.1:1/p.tif") && !said.contains("SECRET"), "{said}");
    }
    let mut command = crate::cli::program::command(&["info", "s3://bucket/a.czi"]);
    command.env("AWS_ENDPOINT_URL", url).env("AWS_ACCESS_KEY_ID", "AK").env("AWS_REGION", "x");
    let said =
        crate::cli::program::wait_for(command).failed(2, "AWS_ENDPOINT_URL: an endpoint without user").stderr;
    assert!(!said.contains("PWSECRET") && !said.contains("SIGSECRET"), "{said}");
}

#[test]
fn a_server_may_send_on_where_the_user_lets_it() {
    let folder = folder_with_bytes();
    let target = Server::new(folder.path(), |_| Answer::Well);
    let url: &'static str = target.url("bytes?sig=x").leak();
    let within: &'static str = "/bytes";
    let found = |answers: [Answer; 2], redirects: &[&str]| {
        let server = Server::new(folder.path(), move |i| answers[i % 2]);
        let redirects = redirects.iter().map(|host| (*host).to_owned()).collect();
        let access = Access { redirects, ..access(0, 1 << 20) };
        let mut bytes = vec![0; 10];
        let source = open(&server, &access)?;
        source.read_exact_at(100_000, &mut bytes).map(|()| bytes)
    };
    let expected = &bytes()[100_000..100_010];
    assert_eq!(found([Answer::SentTo(within), Answer::Well], &[]).unwrap(), expected);
    let port = target.port();
    for allowed in ["127.0.0.1".to_owned(), format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}")] {
        assert_eq!(found([Answer::SentTo(url); 2], &[&allowed]).unwrap(), expected, "{allowed}");
    }
    for (answer, said) in [
        (Answer::SentTo(url), format!("the server sends on to 127.0.0.1:{port}, which is another server")),
        (Answer::SentTo("file:///etc/passwd"), "the server sends on to file:, which is neither".to_owned()),
        (
            Answer::SentTo("http://169.254.169.254/"),
            "--allow-redirects 169.254.169.254 follows it".to_owned(),
        ),
    ] {
        let before = target.requests();
        let error = found([answer; 2], &["files.example.org"]).unwrap_err().to_string();
        assert!(error.contains(&said), "{error}");
        assert_eq!(target.requests(), before);
    }
}

#[test]
fn a_server_is_asked_again_when_it_says() {
    let folder = folder_with_bytes();
    for (after, least_secs) in [("1", 1.0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0)] {
        let server =
            Server::new(folder.path(), move |i| if i == 1 { Answer::Later(after) } else { Answer::Well });
        let source = open(&server, &access(1, 1 << 20)).unwrap();
        let start = std::time::Instant::now();
        source.read_exact_at(100_000, &mut [0; 10]).unwrap();
        assert!(start.elapsed().as_secs_f64() >= least_secs, "{after}");
    }
    let server = Server::new(folder.path(), |i| if i == 1 { Answer::Later("86400") } else { Answer::Well });
    let source = open(&server, &Access { retries: None, ..access(0, 1 << 20) }).unwrap();
    let error = source.read_exact_at(100_000, &mut [0; 10]).unwrap_err().to_string();
    assert!(error.contains("is to be asked after 86400s (--retry-for): the server answers 503"), "{error}");
}

/// Far longer than 3 retries from 50 ms on, as they were.
#[test]
fn a_store_under_load_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (mosaic(folder.path()), folder.path().join("out.zarr"));
    let start = std::time::Instant::now();
    let server = Server::new(folder.path(), move |i| {
        if i > 0 && start.elapsed() < Duration::from_secs(2) { Answer::Status(503) } else { Answer::Well }
    });
    let url = server.url("in.czi");
    run(Path::new(&url), &output, "--iterations 0 --quiet").done();
    assert!(start.elapsed() >= Duration::from_secs(2));
    run(&input, &folder.path().join("same.zarr"), "--iterations 0 --quiet").done();
    assert!(image(&output).pixels() == image(&folder.path().join("same.zarr")).pixels());
    let server = Server::new(folder.path(), |_| Answer::Status(503));
    let ended =
        run(Path::new(&server.url("in.czi")), &folder.path().join("no"), "--iterations 0 --retry-for 1s");
    ended.failed(1, " s (--retry-for): the server answers 503 Service Unavailable");
}

#[test]
fn a_byte_is_not_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (mosaic(folder.path()), folder.path().join("out.zarr"));
    let bytes = std::fs::metadata(&input).unwrap().len();
    let server = Server::new(folder.path(), |_| Answer::Well);
    let url = server.url("in.czi");
    run(Path::new(&url), &output, "--iterations 0 --request-size 1 --merge-gap 0").done();
    // Each of the 40 subblocks is a request, and so are the parts of the directory.
    assert!(server.requests() < 60, "{} requests for {bytes} bytes", server.requests());
    let before = server.requests();
    decon_gpu(&["bench", "once", &url, "--iterations=0", "--backend=cpu", "--pass", "file", "--apart"])
        .done();
    assert!(server.requests() - before < 60, "{} requests", server.requests() - before);
}

/// Ctrl-C while a server that says "later" is waited for.
#[cfg(unix)]
#[test]
fn a_run_that_waits_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    mosaic(folder.path());
    for (first, then) in [(Answer::Later("60"), Answer::Later("60")), (Answer::Well, Answer::Later("60"))] {
        let server = Server::new(folder.path(), move |i| if i == 0 { first } else { then });
        let (url, output) = (server.url("in.czi"), folder.path().join("out.zarr"));
        let arguments = crate::cli::program::run_arguments(Path::new(&url), &output, "--iterations 0");
        let running = crate::cli::program::start_run(crate::cli::program::command(&arguments));
        let start = std::time::Instant::now();
        while server.requests() < 2 - usize::from(first != Answer::Well) && start.elapsed().as_secs() < 30 {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(200));
        let killed = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let asked = std::time::Instant::now();
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        assert!(!output.exists());
    }
}
