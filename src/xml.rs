//! XML out of files, parsed in bounded time and memory.
//!
//! The crate `roxmltree` compares each attribute of an element with each other one, copies the namespaces that are in force
//! to every element that adds one, and sets memory aside for every `<` and `=` of the text. So the text is looked through
//! once before, and what no microscope writes is refused.

use roxmltree::{Document, ParsingOptions};

/// Bytes of XML, at most: the OME-XML of half a million planes.
pub(crate) const MOST_BYTES: u64 = 128 << 20;
/// Elements, texts and comments, at most.
const MOST_NODES: usize = 1 << 21;
/// Of all elements, at most.
const MOST_ATTRIBUTES: usize = 1 << 22;
/// Of one element, at most.
const MOST_OF_ONE: usize = 128;
/// Namespaces that are in force at one place, at most.
const MOST_NAMESPACES: usize = 64;
/// Elements within each other, at most.
const DEEPEST: usize = 1024;

/// Parses `text`. Document type declarations, and so entities that grow, are refused.
///
/// # Errors
/// What is wrong with it, or more than any microscope writes.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, String> {
    parse_as(text, ParsingOptions::default())
}

/// As [`parse`], with a document type declaration. The caller has seen that it declares no entities.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_with_doctype(text: &str) -> Result<Document<'_>, String> {
    parse_as(text, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() })
}

fn parse_as<'a>(text: &'a str, options: ParsingOptions<'a>) -> Result<Document<'a>, String> {
    check(text)?;
    let options = ParsingOptions { nodes_limit: MOST_NODES as u32, ..options };
    Document::parse_with_options(text, options).map_err(|error| error.to_string())
}

/// Looks through all of it once. What is not well-formed is left to the parser, which gets no further than this.
fn check(text: &str) -> Result<(), String> {
    let too_many = |what: &str, most: usize| Err(format!("more than {most} {what}"));
    if text.len() as u64 > MOST_BYTES {
        return too_many("bytes", MOST_BYTES as usize);
    }
    let count = |sign: u8| text.bytes().filter(|&byte| byte == sign).count();
    // An element may have two, and more stand in comments.
    if count(b'<') > 2 * MOST_NODES {
        return too_many("elements", MOST_NODES);
    }
    if count(b'=') > MOST_ATTRIBUTES {
        return too_many("attributes", MOST_ATTRIBUTES);
    }
    let mut rest = text.as_bytes();
    // Of each open element, the namespaces that it adds.
    let mut open: Vec<usize> = Vec::new();
    let mut in_force = 0;
    while let Some(at) = find(rest, b"<") {
        rest = &rest[at + 1..];
        if let Some(end) = end_of_aside(rest) {
            rest = &rest[end..];
            continue;
        }
        if rest.first() == Some(&b'/') {
            in_force -= open.pop().unwrap_or(0);
            continue;
        }
        let tag = Tag::of(rest);
        rest = &rest[tag.length..];
        if tag.attributes > MOST_OF_ONE {
            return too_many("attributes in one element", MOST_OF_ONE);
        }
        if in_force + tag.namespaces > MOST_NAMESPACES {
            return too_many("namespaces at one place", MOST_NAMESPACES);
        }
        if !tag.is_empty {
            in_force += tag.namespaces;
            open.push(tag.namespaces);
        }
        if open.len() > DEEPEST {
            return too_many("elements within each other", DEEPEST);
        }
    }
    Ok(())
}

/// Where what begins behind the `<` before `rest` ends, if it is no element.
fn end_of_aside(rest: &[u8]) -> Option<usize> {
    let asides: [(&[u8], &[u8]); 4] = [(b"!--", b"-->"), (b"![CDATA[", b"]]>"), (b"?", b"?>"), (b"!", b">")];
    let (start, end) = asides.into_iter().find(|(start, _)| rest.starts_with(start))?;
    let inside = &rest[start.len()..];
    Some(find(inside, end).map_or(rest.len(), |at| start.len() + at + end.len()))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].iter().position(|&byte| byte == what[0])?;
        if text[at..].starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The tag that begins an element.
#[derive(Default)]
struct Tag {
    /// Bytes up to and with its `>`.
    length: usize,
    attributes: usize,
    namespaces: usize,
    /// Whether it ends the element, too.
    is_empty: bool,
}

impl Tag {
    /// Of the text behind its `<`.
    fn of(text: &[u8]) -> Self {
        let mut tag = Self { length: text.len(), ..Self::default() };
        let (mut quote, mut word) = (None, 0);
        for (at, &byte) in text.iter().enumerate() {
            match (quote, byte) {
                (Some(sign), _) if byte == sign => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => {
                    tag.attributes += 1;
                    tag.namespaces += usize::from(text[word..at].starts_with(b"xmlns"));
                }
                (None, b'>') => {
                    tag.length = at + 1;
                    tag.is_empty = at > 0 && text[at - 1] == b'/';
                    break;
                }
                (None, _) if byte.is_ascii_whitespace() => word = at + 1,
                (None, _) => {}
            }
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    use super::*;

    fn written(count: usize, mut one: impl FnMut(&mut String, usize)) -> String {
        let mut text = String::new();
        (0..count).for_each(|i| one(&mut text, i));
        text
    }

    fn attributes(count: usize, name: &str) -> String {
        written(count, |text, i| write!(text, " {name}{i}='u{i}'").unwrap())
    }

    #[test]
    fn what_no_microscope_writes_is_refused_before_it_is_parsed() {
        let nested = |count, one: &str| written(count, |text, i| *text += &one.replace('#', &i.to_string()));
        let cases = [
            (format!("<a{}/>", attributes(60_000, "b")), "attributes in one element"),
            (format!("<a{}/>", attributes(60_000, "xmlns:b")), "attributes in one element"),
            (nested(3000, "<a xmlns:n#='u#'>"), "namespaces at one place"),
            (nested(300_000, "<a>"), "elements within each other"),
            (format!("<a>{}</a>", "<b/>".repeat(5_000_000)), "elements"),
            (format!("<a>{}</a>", "<b/>".repeat(3_000_000)), "nodes limit"),
            (format!("<a><!--{}--></a>", "<".repeat(5_000_000)), "elements"),
            (format!("<a>{}</a>", "=".repeat(5_000_000)), "attributes"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".to_owned(), "DTD"),
        ];
        for (text, what) in cases {
            let start = Instant::now();
            let error = parse(&text).expect_err(what);
            assert!(error.contains(what), "{error}, but {what}");
            assert!(start.elapsed() < Duration::from_secs(30), "{what} took {:?}", start.elapsed());
        }
    }

    #[test]
    fn what_is_there_is_counted_as_the_parser_counts_it() {
        let text = format!(
            "<?xml version='1.0'?><!-- <a b='c'> --><a x='>' y=\"'=\"{}><![CDATA[<b c='d'>]]><c/><d xmlns='u'></d></a>",
            attributes(126, "z")
        );
        let document = parse(&text).unwrap();
        assert_eq!(document.root_element().attributes().len(), 128);
        assert_eq!(document.root_element().text(), Some("<b c='d'>"));
        let flat = format!("<a>{}</a>", "<b xmlns='u' xmlns:v='w'><c/></b>".repeat(10_000));
        assert_eq!(parse(&flat).unwrap().root_element().children().count(), 10_000);
        for broken in ["", "<", "</a>", "<a", "<a b", "<a b='", "<a></b>", "<!--", "<![CDATA[", "<?x", "<!"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
