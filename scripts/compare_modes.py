#!/usr/bin/env python3
"""Read CZI files in every way that decon-gpu has, and compare every pixel: 0 may differ.

    pip install -r requirements.txt
    compare_modes.py --binary target/release/decon-gpu FILE.czi ... [--work DIR]

A plain run (--iterations 0) is compared with ZEISS's own reader; every other way with the plain run: mapped, from
simulated storage that fails, in tiles with the least memory that a plan accepts, written as OME-Zarr 0.4, a region, over HTTP
and from S3 (servers on this machine), and from OME-Zarr of every kind: what decon-gpu wrote, 0.5 with shards and without, 0.4 with each compressor, as
folder, over HTTP and from S3. Prints a line for each; exits with 1 if a pixel differs or a run fails.
"""
import argparse
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import numcodecs
import numpy as np
import zarr
from compare_with_zeiss import compare, images_of
from moto.server import ThreadedMotoServer
from zarr.codecs import BloscCodec, GzipCodec

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
COMPRESSORS = {
    "none": None,
    "blosc": numcodecs.Blosc("lz4", shuffle=numcodecs.Blosc.SHUFFLE),
    "zlib": numcodecs.Zlib(1),
    "gzip": numcodecs.GZip(1),
    "zstd": numcodecs.Zstd(1),
}


class RangeHandler(SimpleHTTPRequestHandler):
    """Sends the range that is asked for, which http.server alone does not."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not path.is_file() or not asked:
            return self.send_error(404)
        size = path.stat().st_size
        first, last = int(asked[1]), min(int(asked[2]), size - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("ETag", f'"{path.stat().st_mtime_ns}"')
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))

    def log_message(self, *_):
        pass


class Servers:
    """A folder behind HTTP, and a bucket, as long as the `with` lasts."""

    def __init__(self, folder):
        self.folder = folder
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(RangeHandler, directory=str(folder)))
        self.s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.s3.start()
        host, port = self.s3.get_host_and_port()
        os.environ.update(KEYS, AWS_ENDPOINT_URL=f"http://{host}:{port}")
        self.bucket = boto3.resource("s3").create_bucket(Bucket="slides")
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.s3.stop()

    def url(self, path):
        return f"http://127.0.0.1:{self.http.server_port}/{path.relative_to(self.folder)}"

    def upload(self, path):
        """Put a file, or all files of a folder, into the bucket; what an earlier one of this name left goes first, as a
        chunk that is not stored is a fill value."""
        self.bucket.objects.filter(Prefix=f"{path.relative_to(self.folder)}").delete()
        for file in [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file()):
            self.bucket.upload_file(str(file), str(file.relative_to(self.folder)))
        return f"s3://slides/{path.relative_to(self.folder)}"


class Runs:
    """Runs of one file, each compared with the first."""

    def __init__(self, binary, work):
        self.binary, self.output, self.right, self.plain = binary, work / "out.ome.zarr", [], None

    def run(self, source, *flags):
        flags = [*flags, "--iterations", 0, "--backend", "cpu", "--overwrite"]
        command = [self.binary, "run", source, "-o", self.output, *flags]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])

    def check(self, name, source, *flags, part=np.s_[:]):
        """One way; `part` of the plain run is expected. Prints its line."""
        try:
            self.run(source, *flags)
            ours = [image[...] for image in images_of(self.output)]
            expected = [image[part] for image in self.plain]
            if [a.shape for a in ours] != [b.shape for b in expected]:
                raise RuntimeError(f"shapes {[a.shape for a in ours]}, expected {[b.shape for b in expected]}")
            different = sum(int((a != b).sum()) for a, b in zip(ours, expected))
            self.say(name, different, sum(a.size for a in ours))
        except RuntimeError as error:
            print(f"  {name:<46} FAILED: {error}", flush=True)
            self.right.append(False)

    def say(self, name, different, pixels):
        print(f"  {name:<46} {different:>10} {pixels:>12}", flush=True)
        self.right.append(different == 0)

    def least_memory(self, source):
        """The smallest budget in MiB that a plan of small tiles accepts."""
        low, high = 1, 1 << 14
        while low < high:
            middle = (low + high) // 2
            command = [self.binary, "plan", source, "--iterations", 0, "--backend", "cpu", *TILES]
            command += ["--memory", f"{middle}MiB"]
            fits = subprocess.run([str(part) for part in command], capture_output=True).returncode == 0
            low, high = (low, middle) if fits else (middle + 1, high)
        return f"{low}MiB"


TILES = ["--tile", 256, "--chunk", 64]


def write_image(path, pixels, zarr_format, chunk, compressor=None, separator="/", shard=None):
    """One image of one level, by zarr-python: 0.5 with shards or without, or 0.4."""
    axes = [{"name": name, "type": kind} for name, kind in zip("tczyx", ["time", "channel"] + ["space"] * 3)]
    scale = {"type": "scale", "scale": [1.0] * 5}
    multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}]
    root = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
    if zarr_format == 3:
        root.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}
        array = root.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=chunk, compressors=compressor or "auto", shards=shard)
    else:
        root.attrs["multiscales"] = [{**multiscales[0], "version": "0.4"}]
        key = {"name": "v2", "separator": separator}
        array = root.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=chunk, compressors=compressor,
                                  chunk_key_encoding=key)
    array[...] = pixels


def check_zarr(runs, servers, work):
    """The plain run's first image, from OME-Zarr of every kind."""
    pixels, name = runs.plain[0], work / "image.ome.zarr"
    runs.plain = [pixels]
    for chunk in [(1, 1, 1, 300, 200), (1, pixels.shape[1], min(2, pixels.shape[2]), 257, 509)]:
        write_image(name, pixels, 3, chunk)
        runs.check(f"0.5, no shards, chunks {chunk[1:]}", name)
        runs.check(f"0.5, no shards, chunks {chunk[1:]}, tiles", name, *TILES)
        shard = tuple(side * n for side, n in zip(chunk, (1, 1, 1, 2, 3)))
        for kind, codec in {"zstd": None, "gzip": GzipCodec(), "blosc": BloscCodec()}.items():
            write_image(name, pixels, 3, chunk, codec, shard=shard)
            runs.check(f"0.5, shards by zarr-python, {kind}", name)
        for kind, compressor in COMPRESSORS.items():
            write_image(name, pixels, 2, chunk, compressor, "." if kind == "none" else "/")
            runs.check(f"0.4, {kind}, chunks {chunk[1:]}", name)
    runs.check("0.4, over HTTP", servers.url(name))
    runs.check("0.4, from S3", servers.upload(name))
    shutil.rmtree(name)


def check_file(path, binary, work, servers):
    runs, copy, first = Runs(binary, work), work / "slide.czi", work / "plain.ome.zarr"
    shutil.copyfile(path, copy)
    print(path.name, flush=True)
    runs.run(copy)
    result = compare(copy, runs.output)
    runs.say("plain, against ZEISS's reader", result.different, result.compared)
    shutil.copytree(runs.output, first)
    runs.plain = [image[...] for image in images_of(first)]

    height, width = (min(image.shape[k] for image in runs.plain) for k in (3, 4))
    x, y, w, h = width // 5, height // 3, width // 2, height // 2
    memory = runs.least_memory(copy)
    runs.check("mapped", copy, "--io", "mmap")
    runs.check("simulated storage that fails", copy, "--simulate-storage", "errors=0.1,jitter=1ms", "--retries", 20)
    runs.check(f"tiles, no more than {memory}", copy, *TILES, "--memory", memory)
    runs.check("written as OME-Zarr 0.4", copy, "--ome-zarr", "0.4")
    runs.check("written as OME-Zarr 0.4, tiles", copy, "--ome-zarr", "0.4", *TILES)
    runs.check("a region", copy, "--region", f"{x},{y},{w},{h}", part=np.s_[..., y:y + h, x:x + w])
    runs.check("over HTTP", servers.url(copy), "--readers", 4)
    runs.check("over HTTP, small ranges", servers.url(copy), "--request-size", "200KB", *TILES)
    runs.check("from S3", servers.upload(copy), "--readers", 4)
    runs.check("its own OME-Zarr", first)
    runs.check("its own OME-Zarr, mapped, tiles", first, "--io", "mmap", *TILES)
    runs.check("its own OME-Zarr, a region", first, "--region", f"{x},{y},{w},{h}", part=np.s_[..., y:y + h, x:x + w])
    runs.check("its own OME-Zarr, over HTTP", servers.url(first))
    runs.check("its own OME-Zarr, from S3", servers.upload(first))
    check_zarr(runs, servers, work)
    shutil.rmtree(first)
    return runs.right


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("files", type=Path, nargs="+")
    ap.add_argument("--binary", type=Path, required=True)
    ap.add_argument("--work", type=Path, help="folder for temporary files (the system's)")
    a = ap.parse_args()
    right = []
    with tempfile.TemporaryDirectory(dir=a.work) as work, Servers(Path(work)) as servers:
        print(f"  {'':<46} {'different':>10} {'pixels':>12}")
        for path in a.files:
            right += check_file(path, a.binary.resolve(), Path(work), servers)
    print(f"{sum(right)} of {len(right)} ways agree in every pixel")
    sys.exit(0 if right and all(right) else 1)


if __name__ == "__main__":
    main()
