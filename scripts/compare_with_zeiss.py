#!/usr/bin/env python3
"""Compare every pixel of an OME-Zarr, written with --iterations 0, with what ZEISS's own reader composes.

    pip install -r requirements.txt
    compare_with_zeiss.py FILE.czi OUT.ome.zarr [--scenes 0,2] [--scale N] [--select H=3] [--fill V] [--masks ignore]

Prints the number of pixels that differ and the first few with their place; exits with 1 if there are any.
With --scale, each pixel must be the mean of N × N mosaic pixels, rounded either way: write it with --pyramid never.
Valid-pixel masks are honoured as by decon-gpu; ZEISS's reader ignores them unless told, as --masks ignore does.
A file with a dimension that libCZI cannot compose (such as H, the phase) is read with aicspylibczi instead, at index 0
or as --select says.
"""
import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import zarr
from aicspylibczi import CziFile
from pylibCZIrw import czi

STRIP_ROWS = 1024  # rows of the output compared at a time: gigapixel mosaics do not fit into memory
SHOWN = 5
COMPOSED = set("TZCSMYXA")  # dimensions that need no choice of an index


@dataclass
class Result:
    """Pixels compared, pixels that differ, and the places of the first of those."""

    compared: int = 0
    different: int = 0
    first: list = field(default_factory=list)

    def add(self, ours, theirs, tolerance, place):
        """Count the differences of two planes; `place` is scene, t, channel, z, and the first row."""
        if ours.shape != theirs.shape:
            raise ValueError(f"scene {place[0]}: ours has {ours.shape} rows and columns, theirs {theirs.shape}")
        wrong = ~(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)) <= tolerance)
        self.compared += wrong.size
        self.different += int(wrong.sum())
        for y, x in np.argwhere(wrong)[: SHOWN - len(self.first)]:
            self.first.append((*place[:4], place[4] + int(y), int(x), ours[y, x], theirs[y, x]))


class Composed:
    """ZEISS's reader, which paints the fields of a mosaic as ZEN does."""

    def __init__(self, path, fill, honour):
        self.file = czi.CziReader(str(path), reader_options=czi.ReaderOptions(enable_mask_awareness=honour))
        self.scenes = self.file.scenes_bounding_rectangle_no_pyramid
        self.scenes = self.scenes or {None: self.file.total_bounding_rectangle_no_pyramid}
        self.sizes = {k: stop - start for k, (start, stop) in self.file.total_bounding_box.items()}
        self.types, self.fill = self.file.pixel_types, fill

    def size(self, scene):
        return self.scenes[scene].h, self.scenes[scene].w

    def samples(self, c):
        return 3 if self.types[c].startswith("Bgr") else 1

    def rows(self, scene, plane, start, stop):
        """[y, x, sample] in the file's order; a gap shows the fill value."""
        box, kind = self.scenes[scene], self.types[plane["C"]]
        white = 1 if kind.endswith("Float") else 65535 if kind in ("Gray16", "Bgr48") else 255
        fill = self.fill if self.fill is not None else white if kind.startswith("Bgr") else 0
        roi = (box.x, box.y + start, box.w, stop - start)
        return self.file.read(roi=roi, plane=plane, scene=scene, background_pixel=(fill / white,) * 3)


class Selected:
    """aicspylibczi, which reads one stored image at any index of any dimension."""

    def __init__(self, path, fill, select):
        self.file, self.fill = CziFile(str(path)), fill or 0
        if self.file.is_mosaic():
            sys.exit("no reader composes a mosaic with more dimensions than T, Z, C and S")
        shapes = self.file.get_dims_shape()
        self.sizes = {k: max(shape[k][1] for shape in shapes if k in shape) for k in self.file.dims}
        self.fixed = {k: select.get(k, 0) for k in self.sizes if k not in "TZCSYXA"}
        self.scenes = dict.fromkeys(range(self.sizes["S"]) if "S" in self.sizes else [None])

    def size(self, scene):
        return self.sizes["Y"], self.sizes["X"]

    def samples(self, c):
        return self.sizes.get("A", 1)

    def rows(self, scene, plane, start, stop):
        plane = {**plane, "S": scene} if scene is not None else plane
        wanted = {k: v for k, v in plane.items() if k in self.sizes}
        height, width = self.sizes["Y"], self.sizes["X"]
        try:
            pixels, _ = self.file.read_image(**wanted, **self.fixed)
        except Exception as error:
            if "No subblocks" not in str(error):
                raise
            pixels = np.full((height, width, self.samples(0)), self.fill)
        return pixels.reshape(height, width, -1)[start:stop]


def open_theirs(path, fill, select, honour):
    with czi.open_czi(str(path)) as file:
        sizes = {k: stop - start for k, (start, stop) in file.total_bounding_box.items()}
    needs_index = any(size > 1 for k, size in sizes.items() if k not in COMPOSED)
    return Selected(path, fill, select) if needs_index or select else Composed(path, fill, honour)


def images_of(output):
    """Level 0 of each image: of the root, or of the groups of a bioformats2raw collection."""
    root = zarr.open_group(str(output), mode="r")
    attributes = lambda group: group.attrs.get("ome", group.attrs)  # of 0.5, or of 0.4
    if "bioformats2raw.layout" not in attributes(root):
        return [root["0"]]
    return [root[f"{path}/0"] for path in attributes(root["OME"])["series"]]


def block_mean(pixels, n):
    """Mean over n × n pixels, at the far edges over those that exist."""
    for axis in (0, 1):
        starts = np.arange(0, pixels.shape[axis], n)
        counts = np.diff([*starts, pixels.shape[axis]])
        shape = [-1 if k == axis else 1 for k in range(pixels.ndim)]
        pixels = np.add.reduceat(pixels.astype(np.float64), starts, axis) / counts.reshape(shape)
    return pixels


def compare_scene(ours, theirs, scene, scale, result):
    """Compare all planes of one scene; BGR channels are three of ours: red, green, blue."""
    height = -(-theirs.size(scene)[0] // scale)
    channels = [(c, s) for c in range(theirs.sizes.get("C", 1)) for s in reversed(range(theirs.samples(c)))]
    expected = (theirs.sizes.get("T", 1), len(channels), theirs.sizes.get("Z", 1))
    if ours.shape[:3] != expected or ours.shape[3] != height:
        raise ValueError(f"scene {scene}: ours is {ours.shape}, expected t, c, z = {expected} and {height} rows")
    for t, z in np.ndindex(expected[0], expected[2]):
        for start in range(0, height, STRIP_ROWS):
            stop = min(start + STRIP_ROWS, height)
            for k, (c, sample) in enumerate(channels):
                rows = (start * scale, min(stop * scale, theirs.size(scene)[0]))
                pixels = theirs.rows(scene, {"T": t, "Z": z, "C": c}, *rows)[..., sample]
                strip = ours[t, k, z, start:stop]
                if scale == 1:
                    tolerance = 0
                else:
                    pixels = block_mean(pixels, scale)
                    # Half a grey value; for floats, a few roundings of 2^-24.
                    tolerance = 0.5 if strip.dtype.kind == "u" else np.abs(pixels) * 1e-6
                result.add(strip, pixels, tolerance, (scene, t, k, z, start))


def compare(path, output, scale=1, select=None, fill=None, scenes=None, honour=True):
    """Compare the images of `output` in turn with the scenes of `path`, all of them unless told."""
    theirs, images, result = open_theirs(path, fill, select or {}, honour), images_of(output), Result()
    scenes = sorted(theirs.scenes) if scenes is None else scenes
    if len(images) != len(scenes):
        raise ValueError(f"{len(images)} images for {len(scenes)} scenes")
    for ours, scene in zip(images, scenes):
        compare_scene(ours, theirs, scene, scale, result)
    return result


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("czi", type=Path)
    ap.add_argument("output", type=Path)
    ap.add_argument("--scenes", help="indices of the scenes in the output (all)")
    ap.add_argument("--scale", type=int, default=1, help="mosaic pixels across an output pixel")
    ap.add_argument("--select", action="append", default=[], metavar="DIM=INDEX")
    ap.add_argument("--fill", type=float, help="value of gaps (white for BGR, 0 otherwise)")
    ap.add_argument("--masks", choices=["honour", "ignore"], default="honour", help="as decon-gpu was told")
    a = ap.parse_args()
    select = {name: int(index) for name, _, index in (text.partition("=") for text in a.select)}
    scenes = [int(s) for s in a.scenes.split(",")] if a.scenes else None
    try:
        result = compare(a.czi, a.output, a.scale, select, a.fill, scenes, a.masks == "honour")
    except ValueError as error:
        sys.exit(f"{a.output}: {error}")
    for scene, t, c, z, y, x, ours, theirs in result.first:
        print(f"scene {scene} t {t} c {c} z {z} y {y} x {x}: ours {ours}, theirs {theirs}")
    print(f"{result.different} of {result.compared} pixels differ")
    sys.exit(1 if result.different else 0)


if __name__ == "__main__":
    main()
