//! Writes the corpora that the fuzzers start from: `seeds CORPUS FILE...`. CZI and TIFF files go to `whole_file` as they
//! are, `.jxr` files become payloads of the size that their container says, and zstd payloads are made.

use std::fs;
use std::path::Path;

use decon_gpu_fuzz::decoder::TYPES;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let corpus = arguments.next().expect("the folder of corpora");
    let corpus = Path::new(&corpus);
    for target in ["whole_file", "uncompressed", "zstd", "jpegxr"] {
        fs::create_dir_all(corpus.join(target)).expect("a folder for each corpus");
    }
    for file in arguments {
        let (path, bytes) = (Path::new(&file), fs::read(&file).expect("the files are there"));
        let name = path.file_stem().expect("a file").to_string_lossy();
        if path.extension().is_some_and(|extension| extension == "jxr") {
            for kind in 0..TYPES.len() as u8 {
                let (width, height) = (tag(&bytes, 0xbc80), tag(&bytes, 0xbc81));
                let seed = payload(width, height, kind, &bytes);
                fs::write(corpus.join("jpegxr").join(format!("{name}-{kind}")), seed).expect("room");
            }
        } else {
            fs::write(corpus.join("whole_file").join(&*name), bytes).expect("room");
        }
    }
    made(corpus);
}

/// A number of a JPEG-XR container's directory.
fn tag(bytes: &[u8], wanted: u16) -> u16 {
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let start = u32_at(4);
    let count = usize::from(u16::from_le_bytes([bytes[start], bytes[start + 1]]));
    let entries = bytes[start + 2..].chunks_exact(12).take(count);
    let found = entries.filter(|entry| u16::from_le_bytes([entry[0], entry[1]]) == wanted).next();
    found.map_or(1, |entry| u16::from_le_bytes([entry[8], entry[9]]))
}

fn payload(width: u16, height: u16, kind: u8, bytes: &[u8]) -> Vec<u8> {
    let header = [(width - 1).to_le_bytes(), (height - 1).to_le_bytes()].concat();
    [&header[..], &[kind], bytes].concat()
}

fn made(corpus: &Path) {
    for (kind, pixel_type) in (0..).zip(TYPES) {
        let pixels: Vec<u8> = (0..17 * 9 * pixel_type.bytes()).map(|i| (i * i % 251) as u8).collect();
        let frame = zstd::bulk::compress(&pixels, 1).expect("memory");
        let seeds = [
            ("uncompressed", pixels.clone()),
            ("zstd", [&frame[..], &[0]].concat()),
            ("zstd", [&[1], &frame[..], &[1]].concat()),
            ("zstd", [&[3, 1, 1], &frame[..], &[1]].concat()),
        ];
        for (i, (target, bytes)) in seeds.into_iter().enumerate() {
            let path = corpus.join(target).join(format!("made-{kind}-{i}"));
            fs::write(path, payload(17, 9, kind as u8, &bytes)).expect("room");
        }
    }
}
