//! Text as people may see it: no secret is in it ([`secrets`]), and no character of a file, a name or a server that a terminal
//! obeys instead of showing; such a character is spelled out.

use crate::secrets;

/// Characters of a line that are shown. No file's name or text is longer for a reason.
const LONGEST_LINE: usize = 1 << 16;

/// `text`, which may have several lines, as a terminal may get it.
pub fn safe(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| clipped(line, LONGEST_LINE)).collect();
    spelled_out(&secrets::hidden(&lines.join("\n")), is_obeyed, |c| c.escape_default().to_string())
}

/// The JSON `text` as a terminal may get it, which means the same.
pub fn json_safe(text: &str) -> String {
    // All of them stand in strings, and have 16 bits.
    spelled_out(text, is_obeyed, |c| format!("\\u{:04x}", u32::from(c)))
}

/// `text`, which comes from a file, a name or a server, in one line in which every character is seen.
pub fn visible(text: &str) -> String {
    spelled_out(text, |c| is_obeyed(c) || c == '\n', |c| c.escape_default().to_string())
}

/// The first `most` characters of `text`, and a mark where there are more.
pub fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn spelled_out(text: &str, is_spelled: impl Fn(char) -> bool, spell: impl Fn(char) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match is_spelled(c) {
            true => result.push_str(&spell(c)),
            false => result.push(c),
        }
    }
    result
}

/// Whether a terminal, or who reads it, may take `c` for something else than a character: control characters but the line end,
/// line separators, and marks that turn the direction of writing.
fn is_obeyed(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || matches!(c, '\u{2028}' | '\u{2029}') || (c.is_control() && c != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_spelled_out() {
        let evil = "a\u{1b}]0;owned\u{7}\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{2028}\r\tb\nc é 中 ×";
        let expected = "a\\u{1b}]0;owned\\u{7}\\u{7f}\\u{9b}31m\\u{202e}\\u{2066}\\u{200f}\\u{2028}\\r\\tb";
        assert_eq!(safe(evil), format!("{expected}\nc é 中 ×"));
        assert_eq!(visible(evil), format!("{expected}\\nc é 中 ×"));
        let turned = (0..0x11_0000).filter_map(char::from_u32).filter(|&c| is_obeyed(c)).count();
        // C0 without the line end, DEL and C1, two separators, and 12 marks of direction.
        assert_eq!(turned, 31 + 33 + 2 + 12);
    }

    #[test]
    fn no_line_is_longer_than_is_read() {
        let long = "ä".repeat(LONGEST_LINE + 1);
        assert_eq!(safe(&format!("a\n{long}\nb")).chars().count(), LONGEST_LINE + 5);
        assert_eq!(clipped("abc", 3), "abc");
        assert_eq!(clipped("abcd", 3), "abc…");
    }
}
