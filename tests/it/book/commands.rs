//! The pages of the commands, made from what `--help` is made from. `DECON_GPU_WRITE_BOOK=1 cargo test --test it book::commands`
//! writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use decon_gpu::cli::Cli;

/// Flags of this command are described on its page only.
const DESCRIBED_IN: &str = "run";

#[test]
fn the_pages_say_what_the_help_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/src/reference/commands");
    let mut program = Cli::command();
    program.build();
    let described: BTreeSet<_> = flags(program.find_subcommand(DESCRIBED_IN).unwrap())
        .into_iter()
        .filter_map(|flag| Some((flag.get_long()?.to_owned(), text_of(flag))))
        .collect();
    let mut stale = Vec::new();
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let page = page(command, &described);
        let path = folder.join(format!("{}.md", command.get_name()));
        if std::env::var_os("DECON_GPU_WRITE_BOOK").is_some() {
            std::fs::write(&path, &page).unwrap();
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&page) {
            stale.push(command.get_name());
        }
    }
    assert!(
        stale.is_empty(),
        "the help has changed, the pages of {stale:?} have not: run DECON_GPU_WRITE_BOOK=1 cargo test --test it book::commands"
    );
}

/// The page of `command` and of what is under it. `described` are the flags of [`DESCRIBED_IN`] with their texts.
fn page(command: &Command, described: &BTreeSet<(String, String)>) -> String {
    let mut page = format!("# {}\n\n", command.get_name());
    describe(&mut page, command, described);
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        writeln!(page, "\n## {} {}\n", command.get_name(), sub.get_name()).unwrap();
        describe(&mut page, sub, described);
    }
    page
}

fn describe(page: &mut String, command: &Command, described: &BTreeSet<(String, String)>) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    writeln!(page, "{}.\n\n```text\n{}\n```", marked(&about), usage.trim_start_matches("Usage: ")).unwrap();
    for argument in command.get_positionals() {
        let name =
            argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        writeln!(page, "\n- `{name}`: {}", text_of(argument).replace("\n\n", "\n\n  ")).unwrap();
    }
    let mut elsewhere = Vec::new();
    let mut heading = None;
    for flag in flags(command) {
        let long = flag.get_long().unwrap_or_default().to_owned();
        if command.get_name() != DESCRIBED_IN && described.contains(&(long.clone(), text_of(flag))) {
            elsewhere.push(format!("[`--{long}`](run.md#{})", anchor(flag)));
            continue;
        }
        if heading != flag.get_help_heading() {
            heading = flag.get_help_heading();
            writeln!(page, "\n## {}", heading.unwrap_or("Other")).unwrap();
        }
        writeln!(page, "\n### `{}`\n\n{}", typed(flag), text_of(flag)).unwrap();
        values(page, flag);
    }
    if !elsewhere.is_empty() {
        writeln!(page, "\nThese flags are those of `{DESCRIBED_IN}`: {}.", elsewhere.join(", ")).unwrap();
    }
}

/// What may be typed as a flag, those of one heading together.
fn flags(command: &Command) -> Vec<&Arg> {
    let mut headings = Vec::new();
    let all: Vec<_> = command
        .get_arguments()
        .filter(|flag| !flag.is_positional() && !flag.is_hide_set())
        .filter(|flag| !["help", "version"].contains(&flag.get_id().as_str()))
        .collect();
    for flag in &all {
        if !headings.contains(&flag.get_help_heading()) {
            headings.push(flag.get_help_heading());
        }
    }
    headings
        .iter()
        .flat_map(|heading| all.iter().filter(move |flag| flag.get_help_heading() == *heading).copied())
        .collect()
}

/// A flag as it is typed: `-o, --output <FOLDER>`.
fn typed(flag: &Arg) -> String {
    let mut text = flag.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    write!(text, "--{}", flag.get_long().unwrap_or_default()).unwrap();
    if flag.get_action().takes_values() {
        for name in flag.get_value_names().unwrap_or_default() {
            write!(text, " <{name}>").unwrap();
        }
    }
    text
}

/// Where mdBook and GitHub put the heading of a flag.
fn anchor(flag: &Arg) -> String {
    let kept = typed(flag).to_lowercase();
    kept.chars()
        .filter_map(|c| {
            if c == ' ' { Some('-') } else { (c.is_alphanumeric() || c == '-' || c == '_').then_some(c) }
        })
        .collect()
}

fn text_of(flag: &Arg) -> String {
    let help = flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default();
    let paragraphs = help.split("\n\n").map(|paragraph| {
        let end = if paragraph.ends_with(['.', ']', ')']) { "" } else { "." };
        format!("{}{end}", marked(paragraph))
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn values(page: &mut String, flag: &Arg) {
    if !flag.get_action().takes_values() {
        return;
    }
    let values: Vec<_> =
        flag.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
    if !values.is_empty() {
        page.push('\n');
    }
    for value in values {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "- `{}`: {}", value.get_name(), marked(&help)).unwrap();
    }
    let defaults: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && !flag.is_hide_default_value_set() {
        writeln!(page, "\nDefault: `{}`", defaults.join(" ")).unwrap();
    }
    if let Some(variable) = flag.get_env() {
        writeln!(page, "\nEnvironment variable: `{}`", variable.to_string_lossy()).unwrap();
    }
}

/// Plain text as Markdown: flags as code, and nothing that Markdown would take for its own.
fn marked(text: &str) -> String {
    let word = |word: &str| {
        let (before, rest) = word.split_at(word.find(|c| !"([".contains(c)).unwrap_or(0));
        if rest.starts_with("--") {
            let end = rest.trim_end_matches([',', '.', ':', ';', ')', ']']).len();
            return format!("{before}`{}`{}", &rest[..end], &rest[end..]);
        }
        if word.contains('`') { word.to_owned() } else { escaped(word) }
    };
    let lines = text.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

fn escaped(word: &str) -> String {
    word.replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_").replace('[', "\\[")
}
