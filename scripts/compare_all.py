#!/usr/bin/env python3
"""Run decon-gpu with --iterations 0 over CZI files and compare every pixel with ZEISS's reader; a table, one line a file.

    pip install -r requirements.txt
    compare_all.py --binary target/release/decon-gpu --data DIR [--tools DIR] [--backend cpu|gpu] [--work DIR]

--data: a folder of CZI files. --tools: a folder with make_mosaic.py and to_jpegxr.py, which make mosaics of every pixel
type, compression and order. Exits with 1 if a pixel differs or a file fails.
"""
import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare_with_zeiss import compare

PIXELS = ("gray8", "gray16", "bgr24")
COMPRESSIONS = ("none", "zstd0", "zstd1", "zstd1-hilo", "jpegxr")
ORDERS = ("row", "snake", "random")
SMALL = 301
# Uncompressed fields of more than a mebibyte are read straight to their tiles.
LARGE = 1061


def run(*command):
    """Run a program; its last line of complaint becomes the error."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])


def make_mosaic(tools, work, pixel, compression, order, side):
    """A mosaic of 3 × 2 overlapping fields, two channels and two planes (one of each in colour)."""
    path = work / f"{pixel}_{compression}_{order}_{side}.czi"
    stored = "none" if compression == "jpegxr" else compression
    planes = () if pixel == "bgr24" else ("--channels", 2, "--slices", 2)
    run(sys.executable, tools / "make_mosaic.py", path, "--grid", "3x2", "--tile", side, "--pixel", pixel,
        "--compression", stored, "--order", order, *planes)
    if compression == "jpegxr":
        plain = path.rename(path.with_suffix(".plain"))
        run(sys.executable, tools / "to_jpegxr.py", plain, path, "lossless")
        plain.unlink()
    return path


def check(path, work, binary, backend):
    """Convert and compare one file; prints its line and says whether it is right."""
    output, start = work / "out.ome.zarr", time.monotonic()
    try:
        run(binary, "run", path, "-o", output, "--iterations", 0, "--backend", backend, "--overwrite")
        elapsed_secs = time.monotonic() - start
        result = compare(path, output)
    except Exception as error:
        print(f"{path.name:<48} FAILED: {error}", flush=True)
        return False
    print(f"{path.name:<48} {result.different:>12} {result.compared:>14} {elapsed_secs:>8.2f}", flush=True)
    for scene, t, c, z, y, x, ours, theirs in result.first[:1]:
        print(f"    first: scene {scene} t {t} c {c} z {z} y {y} x {x}: ours {ours}, theirs {theirs}")
    return result.different == 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", type=Path, required=True)
    ap.add_argument("--data", type=Path, required=True)
    ap.add_argument("--tools", type=Path)
    ap.add_argument("--backend", default="cpu", choices=["cpu", "gpu"])
    ap.add_argument("--work", type=Path, help="folder for temporary files (the system's)")
    a = ap.parse_args()
    work = Path(tempfile.mkdtemp(dir=a.work))
    print(f"{'file':<48} {'different':>12} {'pixels':>14} {'seconds':>8}")
    right = []
    try:
        for path in sorted(a.data.glob("*.czi")):
            right.append(check(path, work, a.binary.resolve(), a.backend))
        kinds = [*itertools.product(PIXELS, COMPRESSIONS, ORDERS, (SMALL,)),
                 *itertools.product(PIXELS, ("none",), ORDERS, (LARGE,))]
        for kind in kinds if a.tools else ():
            path = make_mosaic(a.tools, work, *kind)
            right.append(check(path, work, a.binary.resolve(), a.backend))
            path.unlink()
    finally:
        shutil.rmtree(work)
    print(f"{sum(right)} of {len(right)} files agree in every pixel")
    sys.exit(0 if right and all(right) else 1)


if __name__ == "__main__":
    main()
