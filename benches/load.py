#!/usr/bin/env python3
"""CPU seconds to load mosaics: this program against one bare pass and the readers that people use in Python.

    pip install pylibCZIrw aicspylibczi numpy
    cargo build --release --example bare_pass --bin decon-gpu
    benches/load.py FILE.czi...            files of one channel, or
    benches/load.py --make FOLDER          two files of 10 x 10 fields of 2048 x 2048 pixels (1.3 GB), made there

Each way runs --repeat times on a warm cache, the ways in turn, and the least CPU time counts: on a shared machine noise
only adds. For decon-gpu and the bare pass that is the whole process, for the Python readers only the reading. The lines
below compare the time on the clock with what reading and decoding take at least (as the bare pass measures them), say how
much memory it took and how much was planned, and read the file through storage with 10 ms latency and 100 MB/s.
"""
import argparse, json, os, re, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM, BARE = ROOT / "target/release/decon-gpu", ROOT / "target/release/examples/bare_pass"
PEERS = {"aicspylibczi read_mosaic for each tile": "mosaic", "aicspylibczi read_image(M=)": "image"}


def make(folder):
    import numpy as np
    from pylibCZIrw import czi
    size, step, rng = 2048, 1843, np.random.default_rng(0)
    bank = rng.standard_normal((size, size), dtype=np.float32)
    yy, xx = np.mgrid[0:size, 0:size].astype(np.float32)
    for name, compression in [("u16.czi", "uncompressed:"),
                              ("u16-zstd1-hilo.czi", "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack")]:
        path = Path(folder) / name
        if not path.exists():
            with czi.create_czi(str(path), compression_options=compression) as document:
                for k in range(100):
                    y, x = k // 10 * step, k % 10 * step
                    signal = 400 + 200 * np.sin((xx + x) / 97) * np.cos((yy + y) / 131)
                    signal += 900 * np.sin((xx + x) / 11) ** 8 * np.sin((yy + y) / 13) ** 8
                    signal += np.roll(bank, k * 7919 % bank.size) * np.sqrt(signal) * .6
                    field = np.clip(signal, 0, 4095).astype(np.uint16)[..., None]
                    document.write(data=field, plane={"C": 0}, location=(x, y), m_index=k)
        yield path


def process(command):
    start = time.time()
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {command}")
    return usage.ru_utime + usage.ru_stime, time.time() - start, said


def ours(path, *flags):
    with tempfile.NamedTemporaryFile(suffix=".json") as summary:
        flags = "--iterations 0 --sink null --backend cpu --quiet --summary".split() + [summary.name, *flags]
        cpu, wall, _ = process([PROGRAM, "run", path, *flags])
        return cpu, wall, json.load(open(summary.name))


def bare(path):
    """CPU seconds, and the seconds that reading and decoding took on the clock."""
    cpu, _, said = process([BARE, path])
    return cpu, [float(seconds) for seconds in re.findall(r"in ([0-9.]+) s", said)]


def peer(path, way):
    """In a process of its own; only the reading counts."""
    lines = subprocess.run([sys.executable, __file__, "--peer", way, path], capture_output=True, text=True)
    return json.loads(lines.stdout) if lines.returncode == 0 else None


def read_as_peer(path, way):
    from aicspylibczi import CziFile
    file = CziFile(path)
    scene = {"S": 0} if "S" in file.dims else {}
    boxes = list(file.get_all_mosaic_tile_bounding_boxes(C=0).values())
    cpu, wall = time.process_time(), time.time()
    for m, box in enumerate(boxes):
        if way == "mosaic":
            file.read_mosaic((box.x, box.y, box.w, box.h), C=0)
        else:
            file.read_image(M=m, C=0, **scene)
    print(json.dumps([time.process_time() - cpu, time.time() - wall]))


def measure(path, repeat):
    size, seconds, summary = os.path.getsize(path), {}, None
    wall, reading, decoding = [float("inf")] * 3
    for _ in range(repeat):
        cpu, own_wall, summary = ours(path)
        bare_cpu, (bare_reading, bare_decoding) = bare(path)
        wall, reading, decoding = min(wall, own_wall), min(reading, bare_reading), min(decoding, bare_decoding)
        runs = {"decon-gpu run, stitched": cpu, "bare pass, one thread": bare_cpu}
        runs |= {name: result[0] for name, way in PEERS.items() if (result := peer(path, way))}
        for name, cpu in runs.items():
            seconds[name] = min(cpu, seconds.get(name, cpu))
    own = seconds["decon-gpu run, stitched"]
    print(f"{Path(path).name}, {size / 1e6:.0f} MB; read {summary['read_bytes'] / size:.3f}x the file "
          f"in {summary['requests']} requests")
    for name, cpu in seconds.items():
        print(f"  {name:40} {cpu:6.2f} CPU s   {cpu / own:5.2f}x")
    least = max(reading, decoding / os.cpu_count())
    print(f"  on the clock: {wall:.2f} s; reading takes {reading:.2f} s, decoding {decoding:.2f} s on one core "
          f"({wall / least:.2f}x the longer of reading and decoding on {os.cpu_count()} cores)")
    # The cores that decode also copy what is read out of the system's cache: no program can do with less than both.
    both = (reading + decoding) / os.cpu_count()
    print(f"  ({wall / both:.2f}x reading and decoding together on {os.cpu_count()} cores)")
    planned = sum(summary["images"][0]["memory"][part] for part in
                  "fields in_flight tiles volumes plane finished pyramid lists psfs".split())
    print(f"  memory: {summary['peak_memory_bytes'] / 2**20:.0f} MiB, of at most {planned / 2**20:.0f} MiB planned "
          "(the plan counts the output, which is not written here)")
    _, wall, summary = ours(path, "--simulate-storage", "latency=10ms,bandwidth=100MB/s")
    needed = summary["read_bytes"] / 100e6
    print(f"  10 ms and 100 MB/s: {wall:.2f} s for bytes that take {needed:.2f} s ({wall / needed:.2f}x)")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("files", nargs="*")
    ap.add_argument("--make", metavar="FOLDER")
    ap.add_argument("--repeat", type=int, default=5)
    ap.add_argument("--peer", help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.peer:
        return read_as_peer(a.files[0], a.peer)
    for path in [*(make(a.make) if a.make else []), *a.files]:
        subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        measure(path, a.repeat)


if __name__ == "__main__":
    main()
