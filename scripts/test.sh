#!/usr/bin/env bash
# Everything that a change must pass: format, lints, tests (shaders on a Vulkan device, software is enough), documentation.
# Tests that need what not every machine has are marked as ignored, and run here where it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

has_driver() { ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; }
skipped=()
if [ "${DECON_GPU_SKIP_GPU_TESTS:-}" = 1 ]; then
    echo "SKIPPED: gpu_vs_cpu and devices of tests/it (DECON_GPU_SKIP_GPU_TESTS=1); no shader is run"
    skipped=(--skip gpu_vs_cpu:: --skip devices::)
elif ! has_driver; then
    echo "No Vulkan driver found; the shader tests need one (Mesa's software driver will do)."
    install="apt-get update && apt-get install --yes mesa-vulkan-drivers"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        sh -c "$install"
    else
        echo "Install it, for instance with: sudo sh -c '$install'"
        echo "Or go without these tests: DECON_GPU_SKIP_GPU_TESTS=1 $0"
        exit 1
    fi
fi

cargo fmt --check
cargo clippy --release --all-targets -- -D warnings
if command -v cargo-deny >/dev/null; then
    cargo deny check licenses bans sources
    if cargo deny fetch db; then
        cargo deny check --disable-fetch advisories
    else
        echo "SKIPPED: the advisories of RustSec could not be fetched"
    fi
else
    echo "SKIPPED: no cargo-deny; nothing looks at licences, sources and advisories of the crates"
fi
RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps
if command -v mdbook >/dev/null; then
    mdbook build docs/book --dest-dir "$PWD/target/book"
else
    echo "SKIPPED: no mdbook (cargo install mdbook); nothing builds the book's pages"
fi
cargo test --release --doc
cargo test --release --lib --bins --tests -- "${skipped[@]}"

extra=()
skip() { echo "SKIPPED: $1"; }
if [ -d ../shared/data ]; then extra+=(real_files); else
    skip "no ../shared/data; the tests on real microscope files have nothing to read"
fi
if command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then extra+=(a_browser_); else
    skip "no Chromium; nothing looks at the report's page as a browser shows it, and Tint compiles no shader"
fi
if unshare --user --map-root-user --mount true 2>/dev/null; then extra+=(a_mounted_disk_); else
    skip "this user may not mount disks; none is full or read-only in a test"
fi
if [ ${#extra[@]} -gt 0 ]; then
    cargo test --release --lib --bins --tests -- --ignored "${skipped[@]}" "${extra[@]}"
fi
