#!/usr/bin/env python3
"""Richardson-Lucy on the processor against scipy: voxel-iterations a CPU second, and what a second thread brings.

    pip install numpy scipy tifffile
    cargo build --release --example iterations
    benches/decon.py PHANTOM...        folders with observed.tif and psf.tif, or
    benches/decon.py --make FOLDER     64 x 256 x 256 with a PSF of 33 x 65 x 65, and 2048 x 2048 with 65 x 65, made there

Both programs do the same on transforms of the same shape: the image's own (periodic boundaries, as plain programs have
them), and image + PSF - 1 rounded up (Bertero's, which do not wrap around). They run in turn, --repeat times each, and
the least CPU time counts: on a shared machine noise only adds. What counts is everything from the PSF to the result,
its Fourier transform included, reading excluded. scipy.fft gets float32 and two workers; our program one tile with one
and with two threads, and a pair of tiles, as a mosaic has them.
"""
import argparse, json, os, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/examples/iterations"


def make(folder):
    import numpy as np, tifffile
    rng = np.random.default_rng(0)
    for name, shape, psf_shape in [("3d", (64, 256, 256), (33, 65, 65)), ("2d", (1, 2048, 2048), (1, 65, 65))]:
        path = Path(folder) / name
        path.mkdir(parents=True, exist_ok=True)
        z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in psf_shape), indexing="ij")
        width = 1.5 + .4 * np.abs(z)
        psf = np.exp(-(y ** 2 + x ** 2) / (2 * width ** 2)) / width ** 2
        image = rng.poisson(rng.gamma(.3, 100, shape) + 10).astype(np.uint16)
        tifffile.imwrite(path / "observed.tif", image.squeeze(), imagej=True)
        tifffile.imwrite(path / "psf.tif", psf.astype(np.float32).squeeze(), imagej=True)
        yield path


def ours(folder, fft, iterations, threads, tiles):
    command = [PROGRAM, folder / "observed.tif", folder / "psf.tif", "--fft", ",".join(map(str, fft)), "--iterations",
               iterations, "--threads", threads, "--tiles", tiles]
    lines = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    return json.loads(lines.stdout)


def scipy(folder, fft, iterations):
    """In a process of its own."""
    command = [sys.executable, __file__, "--scipy", json.dumps(fft), "--iterations", str(iterations), str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def by_scipy(folder, fft_shape, iterations):
    import numpy as np, scipy.fft as fft, tifffile
    image, psf = (tifffile.imread(folder / name).astype(np.float32) for name in ("observed.tif", "psf.tif"))
    fft_shape = fft_shape[-image.ndim:]
    cpu, wall = time.process_time(), time.time()
    padded = np.zeros(fft_shape, np.float32)
    padded[tuple(slice(0, k) for k in psf.shape)] = psf / psf.sum()
    otf = fft.rfftn(np.roll(padded, [-(k // 2) for k in psf.shape], tuple(range(psf.ndim))), workers=2)
    data = np.zeros(fft_shape, np.float32)
    data[tuple(slice(0, k) for k in image.shape)] = image
    estimate = np.full_like(data, image.mean())
    for _ in range(iterations):
        blurred = fft.irfftn(fft.rfftn(estimate, workers=2) * otf, s=fft_shape, workers=2)
        ratio = data / np.maximum(blurred, 1e-6)
        estimate *= np.maximum(fft.irfftn(fft.rfftn(ratio, workers=2) * otf.conj(), s=fft_shape, workers=2), 0)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.time() - wall}))


def fast_length(n):
    """As src/plan/fft_size.rs."""
    def is_fast(n):
        for factor in (2, 3, 5, 7):
            while n % factor == 0:
                n //= factor
        return n == 1
    return next(k for k in range(n, 2 * n + 1) if is_fast(k))


def least(runs):
    return {key: min(run[key] for run in runs) for key in runs[0]}


def measure(folder, iterations, repeat):
    import numpy as np, tifffile
    def shape(name):
        values = tifffile.imread(folder / name).shape
        return (1,) * (3 - len(values)) + values
    image, psf = shape("observed.tif"), shape("psf.tif")
    for what, fft in [("periodic", image), ("Bertero", [fast_length(n + p - 1) for n, p in zip(image, psf)])]:
        ways = {
            "scipy": lambda: scipy(folder, fft, iterations),
            "one tile, 1 thread": lambda: ours(folder, fft, iterations, 1, 1),
            "one tile, 2 threads": lambda: ours(folder, fft, iterations, 2, 1),
            "pair, 1 thread": lambda: ours(folder, fft, iterations, 1, 2),
        }
        runs = {name: [] for name in ways}
        for _ in range(repeat):
            for name, run in ways.items():
                runs[name].append(run())
        best = {name: least(all_runs) for name, all_runs in runs.items()}
        voxels, transform = (int(np.prod(shape)) * iterations / 1e6 for shape in (image, fft))
        print(f"{folder.name} {'x'.join(map(str, image))}, {what}: transform of {'x'.join(map(str, fft))}, {iterations} iterations")
        rate = lambda name, tiles: tiles / best[name]["cpu"]
        for name in ways:
            tiles = 2 if name.startswith("pair") else 1
            print(f"  {name:20} {best[name]['wall']:6.2f} s {best[name]['cpu']:6.2f} CPU s "
                  f"{transform * rate(name, tiles):7.1f} M voxels of the transform, {voxels * rate(name, tiles):6.1f} M of "
                  f"the image /CPU s   {rate(name, tiles) / rate('scipy', 1):5.2f}x scipy")
        threads = [best[f"one tile, {n}"]["iterations_wall"] for n in ("1 thread", "2 threads")]
        print(f"  wall time of the iterations with 2 threads / with 1: {threads[1] / threads[0]:.2f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("phantoms", nargs="*", type=Path)
    ap.add_argument("--make", metavar="FOLDER")
    ap.add_argument("--iterations", type=int, default=20)
    ap.add_argument("--repeat", type=int, default=5)
    ap.add_argument("--scipy", help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.scipy:
        return by_scipy(a.phantoms[0], json.loads(a.scipy), a.iterations)
    for folder in [*(make(a.make) if a.make else []), *a.phantoms]:
        measure(folder, a.iterations, a.repeat)


if __name__ == "__main__":
    main()
