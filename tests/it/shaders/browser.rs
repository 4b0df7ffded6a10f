//! Every shader through Tint, the compiler of WGSL in Chromium, which refuses what naga lets pass.

use std::collections::BTreeMap;

use super::variants;
use crate::browser::{browser, dump};

/// Compiles the texts that stand in it, and says for each what the compiler has against it.
const PAGE: &str = include_str!("../../data/compile_wgsl.html");

#[test]
#[ignore = "needs Chromium"]
fn a_browser_compiles_every_shader() {
    // Those that do not depend on the shape are the same for each.
    let texts: BTreeMap<String, String> =
        variants().into_iter().map(|(_, shader)| (shader.source, shader.stem.to_owned())).collect();
    let home = tempfile::tempdir().unwrap();
    let page = home.path().join("page.html");
    std::fs::write(&page, PAGE.replace("TEXTS", &serde_json::to_string(&texts).unwrap())).unwrap();
    // The page's own time goes on while the compiler works.
    let flags =
        ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--virtual-time-budget=1000000000"];
    let shown = dump(&browser(), &page, &flags);
    let (_, said) = shown.split_once("<pre>").expect("the page has a place for what is said");
    let (said, _) = said.split_once("</pre>").expect("the place ends");
    assert_eq!(said, format!("{} compiled", texts.len()));
}
