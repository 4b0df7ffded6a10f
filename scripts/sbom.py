#!/usr/bin/env python3
"""Writes what the program is made of, as a CycloneDX 1.5 document (SBOM): sbom.py > sbom.json. Needs cargo and nothing else."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent.parent


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"] + (["--filter-platform", target] if target else [])
    return json.loads(subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE).stdout)


def reachable(meta):
    """Packages that are built into the program: not those that only tests and benchmarks use."""
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    root, seen = meta["resolve"]["root"], {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            linked = [dep["pkg"] for dep in nodes[node]["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]
            seen[node] = linked
            waiting.extend(linked)
    return root, seen


def component(package, checksums, kind):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    result = {"type": kind, "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl}
    if package["license"]:
        # Older packages write a slash.
        result["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        result["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        result["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return result


def main():
    if len(sys.argv) > 2:
        sys.exit("usage: sbom.py [TARGET, such as x86_64-unknown-linux-gnu]")
    meta = metadata(sys.argv[1] if len(sys.argv) == 2 else None)
    lock = tomllib.loads((HERE / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    packages = {package["id"]: package for package in meta["packages"]}
    root, linked = reachable(meta)
    parts = {node: component(packages[node], checksums, "application" if node == root else "library") for node in linked}
    ref = {node: part["bom-ref"] for node, part in parts.items()}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": parts.pop(root)},
        "components": sorted(parts.values(), key=lambda part: part["bom-ref"]),
        "dependencies": sorted(
            ({"ref": ref[node], "dependsOn": sorted({ref[other] for other in others})} for node, others in linked.items()),
            key=lambda entry: entry["ref"],
        ),
    }
    json.dump(document, sys.stdout, indent=1)
    print()


main()
