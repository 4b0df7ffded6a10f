//! Input behind HTTP: the same pixels as from the disk, or a clear message; never others, whatever the server does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use decon_gpu::dataset::Compression;
use decon_gpu::error::{Error, Result};
use decon_gpu::pixels::PixelType;
use decon_gpu::source::{Access, Location, Merging, ReadAt};
use decon_gpu::timeline::{Detail, Timeline};
use tempfile::TempDir;

use crate::mosaic::{Piece, five_fields, metadata, write};
use crate::output::image;
use crate::program::{decon_gpu, run};
use crate::server::{Answer, Server};

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
    Access { retries, timeout: Duration::from_millis(500), merging, ..Access::default() }
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
    (Answer::Half, "error"),
    (Answer::Shifted, "Requested 100000..250000, got 100001..250000"),
    (Answer::Silence, "no byte came for 0.5 s (--timeout)"),
    (Answer::Gone, "error"),
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
        (Answer::Status(404), "not found"),
        (Answer::Status(403), "privileges"),
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
    assert!(!ended.failed(1, "none.czi: Object at location").stderr.contains("secret"));
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
