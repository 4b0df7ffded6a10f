#!/usr/bin/env python3
"""Check that an OME-Zarr is valid, opens in zarr-python, and has a pyramid of means.

    pip install -r requirements.txt
    validate_output.py OUT.ome.zarr [--voxel-um Z,Y,X] [--channels a,b]

Checks with ome-zarr-models what the specification (0.5, or 0.4 where it is of that) asks for, then reads every pixel of every level: each must be
the mean of 2 × 2 pixels of the level below, rounded either way. Exits with 1 and a sentence at the first that fails.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import zarr
from ome_zarr_models import v04, v05

STRIP_ROWS = 1024  # rows compared at a time: gigapixel mosaics do not fit into memory


def check(holds, sentence):
    if not holds:
        sys.exit(sentence)


def halved(pixels):
    """Mean over 2 × 2, at an odd edge over what exists."""
    pixels = pixels.astype(np.float64)
    pixels = np.pad(pixels, [(0, side % 2) for side in pixels.shape], mode="edge")
    return (pixels[::2, ::2] + pixels[::2, 1::2] + pixels[1::2, ::2] + pixels[1::2, 1::2]) / 4


def check_level(upper, lower, place):
    """Every pixel of `upper` is the mean of pixels of `lower`."""
    sides = tuple(-(-side // 2) for side in lower.shape[3:])
    check(upper.shape == lower.shape[:3] + sides, f"{place}: {upper.shape} does not halve {lower.shape}")
    check(upper.dtype == lower.dtype, f"{place}: {upper.dtype} above {lower.dtype}")
    for t, c, z in np.ndindex(upper.shape[:3]):
        for start in range(0, upper.shape[3], STRIP_ROWS):
            got = upper[t, c, z, start : start + STRIP_ROWS].astype(np.float64)
            want = halved(lower[t, c, z, 2 * start : 2 * (start + STRIP_ROWS)])
            # Half a grey value; for floats, one rounding of 2^-24.
            tolerance = 0.5 if upper.dtype.kind == "u" else np.abs(want) * 1e-7
            error = np.abs(got - want)
            wrong = np.argwhere(~(error <= tolerance))
            if len(wrong):
                y, x = wrong[0]
                sys.exit(f"{place} t {t} c {c} z {z} y {start + y} x {x}: {got[y, x]} is not the mean {want[y, x]}")


def check_transformations(multiscale, voxel_um, place):
    """Voxel size as expected; each level's pixels twice as large, with their centres where means have them."""
    first = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    if voxel_um:
        check(np.allclose(first[2:], voxel_um, rtol=1e-6), f"{place}: voxel size {first[2:]}, expected {voxel_um}")
        units = [axis.get("unit") for axis in multiscale["axes"][2:]]
        check(units == ["micrometer"] * 3, f"{place}: units {units}")
    begin = np.array(multiscale["datasets"][0]["coordinateTransformations"][1]["translation"])  # of a part, in its scene
    for k, dataset in enumerate(multiscale["datasets"]):
        factor = np.array([1, 1, 1, 2**k, 2**k])
        scale, translation = dataset["coordinateTransformations"]
        check(np.allclose(scale["scale"], first * factor), f"{place}/{k}: scale {scale}")
        centre = begin + (factor - 1) / 2 * first
        check(np.allclose(translation["translation"], centre), f"{place}/{k}: translation {translation}")


def models(group):
    return v05 if group.metadata.zarr_format == 3 else v04


def attributes(group):
    """Those of OME-Zarr."""
    return group.attrs["ome"] if group.metadata.zarr_format == 3 else group.attrs


def check_channels(omero, count, names, place):
    labels = [channel["label"] for channel in omero["channels"]]
    check(len(labels) == count, f"{place}: {len(labels)} omero channels for {count}")
    check(names is None or labels == names, f"{place}: channels {labels}, expected {names}")
    for channel in omero["channels"]:
        w = channel["window"]
        check(w["min"] <= w["start"] < w["end"] <= w["max"], f"{place}: window {w}")


def check_image(group, a, place):
    models(group).Image.from_zarr(group)
    ome = attributes(group)
    multiscale = ome["multiscales"][0]
    levels = [group[dataset["path"]] for dataset in multiscale["datasets"]]
    for level in levels:
        if level.metadata.zarr_format == 3:
            check(level.metadata.dimension_names == ("t", "c", "z", "y", "x"), f"{place}: dimension names of {level.path}")
            check(level.shards is not None, f"{place}: {level.path} has no shards")
        else:
            check(level.metadata.dimension_separator == "/", f"{place}: separator of {level.path}")
            check(multiscale["version"] == "0.4", f"{place}: version {multiscale['version']}")
    check(max(levels[-1].shape[3:]) <= 256, f"{place}: the smallest level is {levels[-1].shape}")
    check_transformations(multiscale, a.voxel_um, place)
    check_channels(ome["omero"], levels[0].shape[1], a.channels, place)
    for k, (lower, upper) in enumerate(zip(levels, levels[1:])):
        check_level(upper, lower, f"{place}/{k + 1}")
    print(f"{place}: {levels[0].shape} {levels[0].dtype}, {len(levels)} levels: valid")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("output", type=Path)
    ap.add_argument("--voxel-um", type=lambda text: [float(v) for v in text.split(",")], help="Z,Y,X")
    ap.add_argument("--channels", type=lambda text: text.split(","), help="names, separated by commas")
    a = ap.parse_args()
    root = zarr.open_group(str(a.output), mode="r")
    if "bioformats2raw.layout" in attributes(root):
        series = attributes(root["OME"])["series"]
        paths = models(root).BioFormats2Raw.from_zarr(root).image_paths
        check(series == paths, f"series {series}, but images {paths}")
        check((a.output / "OME" / "METADATA.ome.xml").is_file(), "OME/METADATA.ome.xml is missing")
        for path in series:
            check_image(root[path], a, path)
    else:
        check_image(root, a, "root")


if __name__ == "__main__":
    main()
