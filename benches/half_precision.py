#!/usr/bin/env python3
"""What it would cost in accuracy to keep the spectra of an iteration in 16-bit floats, in numpy.

    benches/half_precision.py

An image of 512 x 512 (points, lines and a haze, 100 counts of background, Poisson noise), a Gaussian PSF, RL and SHB. Each pass
of the GPU engine ends with its spectrum in memory: here it is rounded to f16 there, scaled so that the largest value is
16384. Everything else is f64. Prints the relative rms and the largest difference over the largest value, to all in f64.
"""
import numpy as np


def stored(spectrum, half):
    if not half:
        return spectrum
    scale = 16384 / max(abs(spectrum.real).max(), abs(spectrum.imag).max())
    kept = [(part * scale).astype(np.float16).astype(np.float64) / scale for part in (spectrum.real, spectrum.imag)]
    return kept[0] + 1j * kept[1]


def iterate(image, otf, background, iterations, accelerated, half):
    def blurred(rows, otf):
        columns = stored(np.fft.ifft(np.fft.fft(rows, axis=0) * otf, axis=0), half)
        return np.fft.ifft(columns, axis=1).real

    def along_rows(volume):
        return stored(np.fft.fft(volume, axis=1), half)

    estimate = before = np.maximum(image - background, 1.0)
    for k in range(1, iterations + 1):
        alpha = max(0.0, (k - 1) / (k + 2)) if accelerated else 0.0
        point = np.maximum(estimate + alpha * (estimate - before), 1e-6)
        ratio = image / np.maximum(blurred(along_rows(point), otf) + background, 1e-6)
        before, estimate = estimate, np.maximum(point * blurred(along_rows(ratio), otf.conj()), 1e-6)
    return estimate


def main():
    side, background, random = 512, 100.0, np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    truth = 50 * (1 + np.sin(x / 40) * np.cos(y / 60)) + 400.0 * (x % 64 == 9) + 300.0 * (y % 90 == 20)
    truth[tuple(random.integers(0, side, (2, 400)))] += 20000
    axis = np.minimum(np.arange(side), side - np.arange(side))
    psf = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 2.5**2))
    otf = np.fft.fft2(psf / psf.sum())
    image = random.poisson(np.maximum(np.fft.ifft2(np.fft.fft2(truth) * otf).real, 0) + background).astype(float)
    for accelerated in (False, True):
        for iterations in (10, 50):
            exact, kept = (iterate(image, otf, background, iterations, accelerated, half) for half in (False, True))
            rms = np.sqrt(((kept - exact) ** 2).sum() / (exact**2).sum())
            worst = abs(kept - exact).max() / exact.max()
            print(f"{'SHB' if accelerated else 'RL'}, {iterations} iterations: rms {rms:.1e}, worst {worst:.1e}")


main()
