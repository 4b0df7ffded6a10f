//! A text without the spellings that servers and libraries give it: `%26`, `%2526`, `&amp;`, `\u0026` and `&` are the same,
//! and so are `+`, `%20` and a blank.

use std::ops::Range;

/// So often a text may have been encoded.
const ROUNDS: usize = 4;

/// The bytes of a text as they are meant, and where each stands in it.
pub(super) struct Plain(Vec<Unit>);

#[derive(Clone)]
struct Unit {
    byte: u8,
    /// Of the text, on the borders of characters.
    place: Range<usize>,
}

impl Plain {
    /// Of `text`.
    pub fn of(text: &str) -> Self {
        let characters = text.char_indices();
        let units = characters.flat_map(|(at, c)| {
            let place = at..at + c.len_utf8();
            text.as_bytes()[place.clone()].iter().map(move |&byte| Unit { byte, place: place.clone() })
        });
        let mut units: Vec<Unit> = units.collect();
        for _ in 0..ROUNDS {
            let before = units.len();
            units = decoded(&units);
            if units.len() == before {
                break;
            }
        }
        for unit in units.iter_mut().filter(|unit| unit.byte == b'+') {
            unit.byte = b' ';
        }
        Self(units)
    }

    /// As they are meant.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|unit| unit.byte).collect()
    }

    /// Where those of `range`, which are some, stand in the text.
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        self.0[range.start].place.start..self.0[range.end - 1].place.end
    }
}

fn decoded(units: &[Unit]) -> Vec<Unit> {
    let mut result = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let (length, bytes) = sign(&units[at..]).unwrap_or_else(|| (1, vec![units[at].byte]));
        let place = units[at].place.start..units[at + length - 1].place.end;
        result.extend(bytes.into_iter().map(|byte| Unit { byte, place: place.clone() }));
        at += length;
    }
    result
}

/// What is written at the beginning of `units` in so many of them, where that is not the byte itself.
fn sign(units: &[Unit]) -> Option<(usize, Vec<u8>)> {
    const LONGEST: usize = 10;
    let written: Vec<u8> = units.iter().take(LONGEST).map(|unit| unit.byte).collect();
    let number = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, radix).ok()
    };
    let utf8 = |code: u32| Some(char::from_u32(code)?.to_string().into_bytes());
    match written.as_slice() {
        [b'%', high, low, ..] => Some((3, vec![number(&[*high, *low], 16)? as u8])),
        [b'\\', b'u', a, b, c, d, ..] => Some((6, utf8(number(&[*a, *b, *c, *d], 16)?)?)),
        [b'\\', c @ (b'/' | b'"' | b'\\'), ..] => Some((2, vec![*c])),
        [b'&', rest @ ..] => {
            let end = rest.iter().position(|&byte| byte == b';')?;
            let bytes = match &rest[..end] {
                b"amp" => vec![b'&'],
                b"lt" => vec![b'<'],
                b"gt" => vec![b'>'],
                b"quot" => vec![b'"'],
                b"apos" => vec![b'\''],
                [b'#', b'x' | b'X', digits @ ..] => utf8(number(digits, 16)?)?,
                [b'#', digits @ ..] => utf8(number(digits, 10)?)?,
                _ => return None,
            };
            Some((end + 2, bytes))
        }
        _ => None,
    }
}
