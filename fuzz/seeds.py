#!/usr/bin/env python3
"""Write the corpora that the fuzzers start from: seeds.py CORPUS FILE...   (pip install imagecodecs)

CZI and TIFF files go to whole_file as they are, .jxr files become payloads of the size that their container says, once
for each pixel type, and zstd and uncompressed payloads are made.
"""
import struct, sys
from pathlib import Path

import imagecodecs

BYTES = [1, 2, 4, 3, 6]  # of a pixel: Gray8, Gray16, Gray32Float, Bgr24, Bgr48, as in src/decoder.rs
WIDTH, HEIGHT = 0xBC80, 0xBC81  # tags of a JPEG-XR container


def payload(width, height, kind, data):
    return struct.pack("<HHB", width - 1, height - 1, kind) + data


def tag(jxr, wanted):
    start, = struct.unpack_from("<I", jxr, 4)
    count, = struct.unpack_from("<H", jxr, start)
    entries = (struct.unpack_from("<HHII", jxr, start + 2 + 12 * i) for i in range(count))
    return next(value for name, _, _, value in entries if name == wanted)


def main(corpus, *files):
    corpus = Path(corpus)
    for target in ("whole_file", "uncompressed", "zstd", "jpegxr"):
        (corpus / target).mkdir(parents=True, exist_ok=True)
    for file in map(Path, files):
        data = file.read_bytes()
        if file.suffix != ".jxr":
            (corpus / "whole_file" / file.name).write_bytes(data)
            continue
        for kind in range(len(BYTES)):
            seed = payload(tag(data, WIDTH), tag(data, HEIGHT), kind, data)
            (corpus / "jpegxr" / f"{file.stem}-{kind}").write_bytes(seed)
    for kind, size in enumerate(BYTES):
        pixels = bytes(i * i % 251 for i in range(17 * 9 * size))
        frame = imagecodecs.zstd_encode(pixels, level=1)
        seeds = [("uncompressed", pixels), ("zstd", frame + b"\0"), ("zstd", b"\x01" + frame + b"\1"),
                 ("zstd", b"\x03\x01\x01" + frame + b"\1")]
        for i, (target, data) in enumerate(seeds):
            (corpus / target / f"made-{kind}-{i}").write_bytes(payload(17, 9, kind, data))


if __name__ == "__main__":
    main(*sys.argv[1:])
