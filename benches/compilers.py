#!/usr/bin/env python3
"""What Mesa's compiler for AMD devices makes of the line kernels, without a device: registers, spills, waves, instructions.

    benches/compilers.py [--shapes 1,2048,2048 ...] [--devices navi31 ...] [--precision f32|f16] [--compare docs/compilers.md]

RADV compiles for devices that are not there (RADV_FORCE_FAMILY), and says what came out
(VK_KHR_pipeline_executable_properties). Names that the installed Mesa does not know are skipped, and said: Debian 12 (22.3) knows
navi21, Debian 13 (25.0) navi31 and mi200, too. VK_DRIVER_FILES names the driver's file where it is not RADV's of the system.
Prints a table in Markdown; --compare says what differs from the one in a file. Nothing here is a time."""
import argparse
import ctypes as c
import glob
import json
import os
import pathlib

import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = ["1,512,512", "1,1024,1024", "1,2048,2048", "1,2304,2304", "1,3072,3072", "64,256,256", "160,576,576"]
KERNELS = ["convolve_lines", "ratio_rows", "update_rows", "transform_lines"]
COLUMNS = {"VGPRs": "registers", "Spilled VGPRs": "spilled", "Subgroups per SIMD": "waves", "Instructions": "instructions",
           "Latency": "latency", "Inverse Throughput": "cycles", "VMEM": "memory instructions", "LDS size": "shared bytes"}
# Of vulkan_core.h.
INSTANCE, DEVICE, QUEUE, MODULE, STAGE, PIPELINE = 1, 3, 2, 16, 18, 29
SET_LAYOUT, PIPELINE_LAYOUT, APPLICATION = 32, 30, 0
EXECUTABLE_FEATURES, PIPELINE_INFO, EXECUTABLE, EXECUTABLE_INFO, STATISTIC = 1000269000, 1000269001, 1000269002, 1000269003, 1000269004
ROBUSTNESS_2 = 1000286000
COMPUTE, STORAGE_BUFFER, CAPTURE_STATISTICS = 0x20, 7, 0x40

def structure(*fields):
    """A structure of Vulkan: its type, what follows it, and `fields`."""
    return type("Structure", (c.Structure,), {"_fields_": [("type", c.c_uint32), ("next", c.c_void_p), *fields]})

u32, size, pointer, text = c.c_uint32, c.c_size_t, c.c_void_p, c.c_char_p
Application = structure(("name", text), ("version", u32), ("engine", text), ("engine_version", u32), ("api", u32))
Instance = structure(("flags", u32), ("application", pointer), ("layers", u32), ("layer_names", pointer), ("extensions", u32),
                     ("extension_names", pointer))
Queue = structure(("flags", u32), ("family", u32), ("count", u32), ("priorities", pointer))
Device = structure(("flags", u32), ("queues", u32), ("queue", pointer), ("layers", u32), ("layer_names", pointer),
                   ("extensions", u32), ("extension_names", pointer), ("features", pointer))
Executables = structure(("on", u32))
Robustness = structure(("buffers", u32), ("images", u32), ("null", u32))
Module = structure(("flags", u32), ("bytes", size), ("code", pointer))
Stage = structure(("flags", u32), ("stage", u32), ("module", c.c_uint64), ("entry", text), ("constants", pointer))
Pipeline = structure(("flags", u32), ("stage", Stage), ("layout", c.c_uint64), ("base", c.c_uint64), ("index", c.c_int32))
SetLayout = structure(("flags", u32), ("count", u32), ("bindings", pointer))
PipelineLayout = structure(("flags", u32), ("sets", u32), ("set_layouts", pointer), ("ranges", u32), ("push", pointer))
PipelineInfo = structure(("pipeline", c.c_uint64))
Executable = structure(("stages", u32), ("name", c.c_char * 256), ("what", c.c_char * 256), ("subgroup", u32))
ExecutableInfo = structure(("pipeline", c.c_uint64), ("index", u32))
Statistic = structure(("name", c.c_char * 256), ("what", c.c_char * 256), ("format", u32), ("value", c.c_uint64))

class Binding(c.Structure):
    _fields_ = [("binding", u32), ("kind", u32), ("count", u32), ("stages", u32), ("samplers", pointer)]

class Push(c.Structure):
    _fields_ = [("stages", u32), ("offset", u32), ("bytes", u32)]

def at(value):
    return c.cast(c.pointer(value), pointer)

class Compiler:
    """The null device of the driver in this process's environment."""

    def __init__(self):
        self.vulkan = c.CDLL("libvulkan.so.1")
        application = Application(APPLICATION, None, None, 0, None, 0, 1 << 22 | 3 << 12)
        instance = self.make("vkCreateInstance", Instance(INSTANCE, None, 0, at(application)), pointer())
        count, found = u32(1), pointer()
        self.vulkan.vkEnumeratePhysicalDevices(instance, c.byref(count), c.byref(found))
        if not found:
            raise SystemExit("the driver has no device")
        names = (text * 2)(b"VK_KHR_pipeline_executable_properties", b"VK_EXT_robustness2")
        executables = Executables(EXECUTABLE_FEATURES, None, 1)
        robustness = Robustness(ROBUSTNESS_2, at(executables), 1, 0, 0)
        queue = Queue(QUEUE, None, 0, 0, 1, at(c.c_float(1)))
        # The first feature of VkPhysicalDeviceFeatures is robustBufferAccess.
        features = (u32 * 55)(1)
        device = Device(DEVICE, at(robustness), 0, 1, at(queue), 0, None, 2, at(names), at(features))
        self.device = self.make("vkCreateDevice", found, device, pointer())
        bindings = (Binding * 8)(*[Binding(i, STORAGE_BUFFER, 1, COMPUTE, None) for i in range(8)])
        sets = self.make("vkCreateDescriptorSetLayout", self.device, SetLayout(SET_LAYOUT, None, 0, 8, at(bindings)), c.c_uint64())
        layout = PipelineLayout(PIPELINE_LAYOUT, None, 0, 1, at(sets), 1, at(Push(COMPUTE, 0, 64)))
        self.layout = self.make("vkCreatePipelineLayout", self.device, layout, c.c_uint64())
        self.vulkan.vkGetDeviceProcAddr.restype = pointer

    def make(self, call, *arguments):
        *first, description, made = arguments
        self.check(call, getattr(self.vulkan, call)(*first, c.byref(description), None, c.byref(made)))
        return made

    def check(self, call, result):
        if result < 0:
            raise SystemExit(f"{call}: {result}")

    def extension(self, name):
        return c.CFUNCTYPE(c.c_int32, *[pointer] * 4)(self.vulkan.vkGetDeviceProcAddr(self.device, name))

    def statistics(self, code):
        """Of the compute shader `code`, by name."""
        words = c.create_string_buffer(code, len(code))
        module = self.make("vkCreateShaderModule", self.device, Module(MODULE, None, 0, len(code), at(words)), c.c_uint64())
        stage = Stage(STAGE, None, 0, COMPUTE, module.value, b"main", None)
        description = Pipeline(PIPELINE, None, CAPTURE_STATISTICS, stage, self.layout.value, 0, 0)
        made = c.c_uint64()
        create = self.vulkan.vkCreateComputePipelines
        result = create(self.device, c.c_uint64(0), 1, c.byref(description), None, c.byref(made))
        self.check("vkCreateComputePipelines", result)
        info, count = PipelineInfo(PIPELINE_INFO, None, made.value), u32(1)
        executable = Executable(EXECUTABLE)
        properties = self.extension(b"vkGetPipelineExecutablePropertiesKHR")
        self.check("properties", properties(self.device, at(info), at(count), at(executable)))
        which, count = ExecutableInfo(EXECUTABLE_INFO, None, made.value, 0), u32(64)
        found = (Statistic * 64)(*[Statistic(STATISTIC)] * 64)
        statistics = self.extension(b"vkGetPipelineExecutableStatisticsKHR")
        self.check("statistics", statistics(self.device, at(which), at(count), at(found)))
        return {found[i].name.decode(): found[i].value for i in range(count.value)}

def compile_all(folder):
    compiler = Compiler()
    files = sorted(pathlib.Path(folder).glob("*.spv"))
    print(json.dumps({file.stem: compiler.statistics(file.read_bytes()) for file in files if file.stem in KERNELS}), flush=True)
    # Destroying what the null device made may crash, and nothing is left to do.
    os._exit(0)

def rows(arguments):
    """Lines of the table: device, shape, kernel and its figures."""
    subprocess.run(["cargo", "build", "--quiet", "--example", "shaders"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = []
    for shape in arguments.shapes:
        with tempfile.TemporaryDirectory() as folder:
            shaders = [target / "debug/examples/shaders", folder, shape, "49152,1024", arguments.precision]
            subprocess.run(shaders, check=True, stdout=subprocess.DEVNULL)
            for device in arguments.devices:
                drivers = glob.glob("/usr/share/vulkan/icd.d/radeon_icd*.json")
                environment = {"VK_DRIVER_FILES": ":".join(drivers), "VK_ICD_FILENAMES": ":".join(drivers), **os.environ}
                environment |= {"RADV_FORCE_FAMILY": device, "MESA_SHADER_CACHE_DISABLE": "true"}
                command = [sys.executable, __file__, "--compile", folder]
                ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
                if ended.returncode:
                    print(f"SKIPPED: {device}: {ended.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                    continue
                for kernel, statistics in json.loads(ended.stdout).items():
                    figures = [str(statistics.get(name, "-")) for name in COLUMNS]
                    found.append([device, shape.replace(",", " x "), kernel, *figures])
    return found

def compare(table, path):
    """What differs from the table in `path`."""
    before = {tuple(cells[:3]): cells[3:] for cells in
              ([cell.strip() for cell in line.strip("|\n ").split("|")] for line in open(path) if line.startswith("|")) if len(cells) > 3}
    for device, shape, kernel, *figures in table:
        old = before.get((device, shape, kernel), figures)
        changes = [f"{name} {a} -> {b}" for name, a, b in zip(COLUMNS.values(), old, figures) if a != b]
        if changes:
            print(f"{device}, {shape}, {kernel}: {'; '.join(changes)}")

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="Z,Y,X of a transform")
    parser.add_argument("--devices", nargs="+", default=["navi31", "navi21", "mi200"])
    parser.add_argument("--precision", default="f32", choices=["f32", "f16"])
    parser.add_argument("--compare", metavar="FILE")
    parser.add_argument("--compile", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compile:
        compile_all(arguments.compile)
    table = rows(arguments)
    heads = ["device", "shape", "kernel", *COLUMNS.values()]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for cells in table:
        print("| " + " | ".join(cells) + " |")
    if arguments.compare:
        compare(table, arguments.compare)
    if not table:
        raise SystemExit("SKIPPED: RADV knows none of these devices here")

main()
