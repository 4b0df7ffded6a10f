//! The text of a file's XML: decoded, and where it is not well-formed, without what makes it so.

use std::borrow::Cow;

use crate::xml;

/// How the metadata of every file ends.
const END: &str = "</ImageDocument>";

/// The bytes as text: UTF-16 where they begin so, else UTF-8. What is around the XML, white space and zeros, is left out.
pub(super) fn decode(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [b'<', 0, ..] => wide(bytes, u16::from_le_bytes),
        [0, b'<', ..] => wide(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    let is_around = |c: char| c.is_whitespace() || c == '\0';
    text.trim_matches(is_around).to_owned()
}

/// `xml` without what XML forbids, and what was wrong with it; `None` where that does not make it well-formed.
pub(super) fn repaired(xml: &str) -> Option<(String, String)> {
    let wrong = xml::parse(xml).err()?;
    let whole = xml.rfind(END).map_or(xml, |end| &xml[..end + END.len()]);
    let repaired = with_references(&whole.replace(is_forbidden, "\u{FFFD}"));
    xml::parse(&repaired).is_ok().then_some((repaired, wrong))
}

/// By XML 1.0, section 2.2.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// `xml`, where an `&` that begins no reference stands for itself, and a reference to what is forbidden for nothing known.
fn with_references(xml: &str) -> String {
    let mut parts = xml.split('&');
    let mut repaired = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, rest) = part.split_once(';').map_or((None, part), |(name, rest)| (Some(name), rest));
        match reference.and_then(known) {
            Some(text) => {
                repaired.push_str(&text);
                repaired.push_str(rest);
            }
            None => {
                repaired.push_str("&amp;");
                repaired.push_str(part);
            }
        }
    }
    repaired
}

/// The reference `name`, or what stands for it; `None` when it is none.
fn known(name: &str) -> Option<Cow<'static, str>> {
    if ["amp", "lt", "gt", "quot", "apos"].contains(&name) {
        return Some(format!("&{name};").into());
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    let is_allowed = char::from_u32(code).is_some_and(|c| !is_forbidden(c));
    Some(if is_allowed { format!("&#{code};").into() } else { "\u{FFFD}".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?><ImageDocument><A>x &lt; µ</A></ImageDocument>";

    #[test]
    fn text_is_decoded_by_how_it_begins() {
        let wide = |from: fn(u16) -> [u8; 2]| XML.encode_utf16().flat_map(from).collect::<Vec<u8>>();
        let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        for bytes in [
            XML.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", XML.as_bytes()].concat(),
            [b"\r\n \n", XML.as_bytes(), b"\n\0\0\0"].concat(),
            [b"\xFF\xFE", little.as_slice()].concat(),
            [b"\xFE\xFF", big.as_slice()].concat(),
            little,
            big,
        ] {
            assert_eq!(decode(&bytes), XML, "{:?}", &bytes[..4]);
        }
    }

    #[test]
    fn what_is_forbidden_is_left_out_and_the_rest_stays() {
        let text = |inner: &str| {
            let xml = format!("<ImageDocument><A b=\"1\">{inner}</A><C>kept</C></ImageDocument>rest<");
            let (repaired, wrong) = repaired(&xml).unwrap();
            assert!(!wrong.is_empty());
            let document = xml::parse(&repaired).unwrap();
            let texts = document.root_element().children().map(|child| child.text().unwrap().to_owned());
            texts.collect::<Vec<_>>()
        };
        for (inner, expected) in [
            ("a", "a"),
            ("a\u{1}b", "a\u{FFFD}b"),
            ("a\0b", "a\u{FFFD}b"),
            ("a&#x1F;b", "a\u{FFFD}b"),
            ("a&#xFFFF;b", "a\u{FFFD}b"),
            ("A & B", "A & B"),
            ("A &amp; B &lt; C; &#181;", "A & B < C; µ"),
            ("A&B;", "A&B;"),
        ] {
            assert_eq!(text(inner), [expected, "kept"], "{inner}");
        }
        assert_eq!(repaired("<ImageDocument><A></ImageDocument>"), None);
        assert_eq!(repaired(XML), None, "nothing is wrong");
    }
}
