#!/usr/bin/env bash
# Everything that a change must pass: format, lints, tests (shaders on a Vulkan device, software is enough), documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
    echo "No Vulkan driver found; the shader tests need one (Mesa's software driver will do)."
    install="apt-get update && apt-get install --yes mesa-vulkan-drivers"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        sh -c "$install"
    else
        echo "Install it, for instance with: sudo sh -c '$install'"
        exit 1
    fi
fi

cargo fmt --check
cargo clippy --release --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps
cargo test --release --doc
if [ ! -d ../shared/data ]; then
    echo "SKIPPED: no ../shared/data; the tests on real microscope files have nothing to read"
fi
if ! command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then
    echo "SKIPPED: no Chromium; nothing looks at the report's page as a browser shows it"
fi
cargo test --release --lib --bins --tests
