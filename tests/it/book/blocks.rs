//! The fenced blocks of a Markdown page.

use std::path::{Path, PathBuf};

/// One fenced block.
pub struct Block {
    /// The page and the line of the opening fence, for messages.
    pub place: String,
    /// What stands behind the fence, split at commas: `sh`, `text`, `norun`, `output`.
    pub words: Vec<String>,
    pub text: String,
}

impl Block {
    pub fn is(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    /// Its commands: lines that end in a backslash joined, comments and indents cut off.
    pub fn commands(&self) -> Vec<String> {
        let joined = self.text.replace("\\\n", " ");
        let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}

/// README.md and every page of the book.
pub fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs/book/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

pub fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (line, number) in text.lines().zip(1..) {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, is_open) {
            (Some(_), true) => is_open = false,
            (Some(info), false) => {
                is_open = true;
                let words = info.split(',').map(|word| word.trim().to_owned()).collect();
                let place = format!("{}:{number}", page.display());
                blocks.push(Block { place, words, text: String::new() });
            }
            (None, true) => {
                let block = blocks.last_mut().expect("one is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!is_open, "{}: a fence is not closed", page.display());
    blocks
}
