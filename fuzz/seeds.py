#!/usr/bin/env python3
"""Write the corpora that the fuzzers start from: seeds.py CORPUS FILE...   (pip install imagecodecs tifffile)

CZI and TIFF files go to whole_file as they are, and small TIFFs of every kind are made for tiff; .jxr files become payloads of the size that their container says, once
for each pixel type, and zstd and uncompressed payloads are made.
"""
import struct, sys
from pathlib import Path

import imagecodecs, numpy, tifffile

BYTES = [1, 2, 4, 3, 6]  # of a pixel: Gray8, Gray16, Gray32Float, Bgr24, Bgr48, as in src/decoder.rs
WIDTH, HEIGHT = 0xBC80, 0xBC81  # tags of a JPEG-XR container


def payload(width, height, kind, data):
    return struct.pack("<HHB", width - 1, height - 1, kind) + data


def tag(jxr, wanted):
    start, = struct.unpack_from("<I", jxr, 4)
    count, = struct.unpack_from("<H", jxr, start)
    entries = (struct.unpack_from("<HHII", jxr, start + 2 + 12 * i) for i in range(count))
    return next(value for name, _, _, value in entries if name == wanted)


def make_tiffs(folder):
    """One of each type, compression, predictor and cut that is read, and of each way to say what the planes are."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [(t, compression, cut, order) for t in ("u1", "u2", "f4", "rgb", "f8", "i4") for compression in
             (None, "packbits", "lzw", "adobe_deflate", "zstd") for cut, order in (("strips", "<"), ("tiles", ">"))]
    for kind, compression, cut, order in kinds:
        values = numpy.add.outer(numpy.arange(2), numpy.arange(37 * 45).reshape(37, 45) ** 2 % 251)
        if kind == "rgb":
            values = numpy.stack([values, values // 2, values // 3], -1)
        values = values.astype(order + (kind if kind != "rgb" else "u1"))
        options = {"tile": (16, 16)} if cut == "tiles" else {"rowsperstrip": 8}
        has_predictor = compression in ("lzw", "adobe_deflate", "zstd") and kind != "f8"
        for predictor in (False, True) if has_predictor else (False,):
            name = f"{kind}-{compression}-{cut}{'-predictor' * predictor}.tif"
            tifffile.imwrite(folder / name, values, byteorder=order, compression=compression, predictor=predictor,
                             photometric="rgb" if kind == "rgb" else "minisblack", bigtiff=cut == "tiles", **options)
    stack = numpy.arange(2 * 3 * 2 * 8 * 9, dtype="u2").reshape(2, 3, 2, 8, 9)
    tifffile.imwrite(folder / "imagej.tif", stack, imagej=True, resolution=(10, 10), metadata={"axes": "TZCYX", "unit": "um"})
    tifffile.imwrite(folder / "ome.ome.tif", stack, metadata={"axes": "TZCYX", "PhysicalSizeX": 0.1})


def main(corpus, *files):
    corpus = Path(corpus)
    for target in ("whole_file", "uncompressed", "zstd", "jpegxr"):
        (corpus / target).mkdir(parents=True, exist_ok=True)
    make_tiffs(corpus / "tiff")
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
