#!/usr/bin/env python3
"""Whether the memory of a run is flat: resident memory between 10 % and 90 % of the run, as the system says (Linux).

    memory.py INPUT [-- FLAGS OF decon-gpu run]

Runs `decon-gpu run INPUT` (of target/release, or --program) into a temporary folder, and prints one line of JSON:
tiles, seconds, MiB at the beginning and the end of that span (means over a tenth of it), the least and the most, and how
far the end lies above the beginning.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time


def resident_mib(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("flags", nargs="*")
    parser.add_argument("--program", default=pathlib.Path(__file__).parents[1] / "target/release/decon-gpu")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        summary = folder / "summary.json"
        command = [args.program, "run", args.input, "-o", folder / "out.zarr", "--quiet", *args.flags]
        began, all_samples = time.monotonic(), []
        child = subprocess.Popen([*command, "--summary", summary])
        while child.poll() is None:
            all_samples.append(resident_mib(child.pid))
            time.sleep(0.03)
        if child.returncode != 0:
            sys.exit(f"the run ended with {child.returncode}")
        seconds = time.monotonic() - began
        tiles = sum(image["tiles"] for image in json.loads(summary.read_text())["images"])
    samples = all_samples[len(all_samples) // 10 : len(all_samples) * 9 // 10]
    if len(samples) < 20:
        sys.exit(f"only {len(samples)} samples: the run is too short")
    tenth = len(samples) // 10
    begin, end = (sum(part) / tenth for part in (samples[:tenth], samples[-tenth:]))
    figures = {
        "tiles": tiles, "seconds": round(seconds, 1), "samples": len(samples),
        "begin": round(begin, 1), "end": round(end, 1), "least": round(min(samples), 1),
        "most": round(max(samples), 1), "growth": round(end / begin - 1, 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
