#!/usr/bin/env python3
"""What it costs in accuracy to keep the spectra of an iteration in 16 bits a number, in numpy, everything else in f64.

    benches/half_precision.py

Two images of 512 x 512 (points, lines and a haze, 100 counts of background, Poisson noise) that share their transforms, a
Gaussian PSF, RL and SHB. Each pass of the GPU engine ends with its spectrum in memory; here it is rounded there in one of three
ways: to half floats, scaled so that the largest value is 16384; to `--precision f16` (shaders/spectrum_f16.wgsl) but with the
whole ratio in the spectrum; and as it is. Then as it is, with the second image twenty times as bright, once without what makes
the two as bright as each other in the spectrum of the point (shaders/balance_lanes.wgsl). Prints the largest difference over
the largest value, the relative rms, and the relative difference that 99 % of the pixels stay below, of the first image, to all
in f64. There are no edges here: the images go around.
"""
import numpy as np

SIDE, BACKGROUND = 512, 100.0


def exact(spectrum):
    return spectrum


def half_floats(spectrum):
    scale = 16384 / max(abs(spectrum.real).max(), abs(spectrum.imag).max())
    kept = [(part * scale).astype(np.float16).astype(np.float64) / scale for part in (spectrum.real, spectrum.imag)]
    return kept[0] + 1j * kept[1]


def shared_exponent(spectrum):
    largest = np.maximum(abs(spectrum.real), abs(spectrum.imag))
    step = np.ldexp(1.0, np.frexp(largest)[1] - 11)
    kept = [np.clip(np.round(part / step), -2047, 2047) * step for part in (spectrum.real, spectrum.imag)]
    return kept[0] + 1j * kept[1]


def lanes(function, a, b):
    return function(a.real, b.real) + 1j * function(a.imag, b.imag)


def power_of_two(image):
    rms = [np.sqrt((np.maximum(lane - BACKGROUND, 1e-3) ** 2).mean()) for lane in (image.real, image.imag)]
    return 2.0 ** round(np.log2(rms[0] / rms[1]))


def iterate(image, otf, iterations, accelerated, stored, usual, balance=1.0):
    def convolved(volume, otf, balance=1.0):
        balanced = volume.real + 1j * balance * volume.imag
        rows = stored(np.fft.fft(balanced, axis=1))
        columns = stored(np.fft.ifft(np.fft.fft(rows, axis=0) * otf, axis=0))
        blurred = np.fft.ifft(columns, axis=1)
        return blurred.real + 1j * blurred.imag / balance

    floor = 1e-6 * (1 + 1j) + np.zeros_like(image)
    estimate = before = lanes(np.maximum, image - BACKGROUND * (1 + 1j), floor * 1e3)
    for k in range(1, iterations + 1):
        alpha = max(0.0, (k - 1) / (k + 2)) if accelerated else 0.0
        point = lanes(np.maximum, estimate + alpha * (estimate - before), floor)
        blurred = lanes(np.maximum, convolved(point, otf, balance) + BACKGROUND * (1 + 1j), floor)
        ratio = lanes(np.divide, image, blurred) - usual * (1 + 1j)
        correction = convolved(ratio, otf.conj()) + usual * (1 + 1j)
        before, estimate = estimate, lanes(np.maximum, lanes(np.multiply, point, correction), floor)
    return estimate.real


def seen(otf, random):
    y, x = np.mgrid[:SIDE, :SIDE]
    truth = 50 * (1 + np.sin(x / 40) * np.cos(y / 60)) + 400.0 * (x % 64 == 9) + 300.0 * (y % 90 == 20)
    truth[tuple(random.integers(0, SIDE, (2, 400)))] += 20000
    light = np.maximum(np.fft.ifft2(np.fft.fft2(truth) * otf).real, 0)
    return random.poisson(light + BACKGROUND).astype(float)


def main():
    axis = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    psf = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 2.5**2))
    otf = np.fft.fft2(psf / psf.sum())
    random = np.random.default_rng(0)
    one, other = seen(otf, random), seen(otf, random)
    alike, unlike = one + 1j * other, one + 20j * other
    ways = [
        ("half floats", alike, half_floats, 0.0, 1.0),
        ("16 bits, whole ratio", alike, shared_exponent, 0.0, 1.0),
        ("--precision f16", alike, shared_exponent, 1.0, power_of_two(alike)),
        ("beside a bright one", unlike, shared_exponent, 1.0, power_of_two(unlike)),
        ("the same, not balanced", unlike, shared_exponent, 1.0, 1.0),
    ]
    for accelerated in (False, True):
        for iterations in (10, 20, 50):
            print(f"{'SHB' if accelerated else 'RL'}, {iterations} iterations")
            for name, image, stored, usual, balance in ways:
                best = iterate(image, otf, iterations, accelerated, exact, 0.0)
                error = abs(iterate(image, otf, iterations, accelerated, stored, usual, balance) - best)
                rms = np.sqrt((error**2).sum() / (best**2).sum())
                usually = np.quantile(error / best, 0.99)
                print(f"  {name:22} worst {error.max() / best.max():.1e}, rms {rms:.1e}, 99 % {usually:.1e}")


main()
