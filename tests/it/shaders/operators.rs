//! Binary operators side by side that WGSL wants parentheses between and naga does not, by the grammar of the
//! specification (section 8.19): a shift stands between operands without binary operators, `&`, `|` and `^` each with
//! nothing but themselves, `&&` and `||` not together, and comparisons are not chained.

use std::mem::take;

use super::variants;

/// What a stretch of text between brackets, commas and assignments is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Operand,
    Operator(&'a str),
    Open,
    Close,
    /// Ends an expression: a comma, a semicolon, a brace, an assignment, a word of the language.
    End,
}

const OPERATORS: [&str; 18] =
    ["<<", ">>", "&&", "||", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^"];
const ASSIGNMENTS: [&str; 13] =
    ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->", "++", "--"];
const WORDS: [&str; 10] = ["return", "if", "else", "for", "while", "let", "var", "const", "fn", "case"];
const GENERIC: [&str; 6] = ["array", "bitcast", "atomic", "var", "ptr", "vec"];

/// Without comments, and without what stands between the angle brackets of types.
fn plain(source: &str) -> String {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let mut text = lines.collect::<Vec<_>>().join("\n");
    while let Some((start, end)) = innermost_generic(&text) {
        text.replace_range(start..end, "");
    }
    text
}

/// The angle brackets after the last name of [`GENERIC`] that has some.
fn innermost_generic(text: &str) -> Option<(usize, usize)> {
    let starts = GENERIC.iter().filter_map(|name| text.rfind(&format!("{name}<")).map(|at| at + name.len()));
    let start = starts.max()?;
    let length = text[start..].find('>').expect("a bracket is closed");
    Some((start, start + length + 1))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let longest = |list: &[&'static str]| list.iter().copied().find(|token| rest.starts_with(token));
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let is_after_operand = matches!(tokens.last(), Some(Token::Operand | Token::Close));
        let (token, length) = if is_part(first) || first == '@' {
            // The sign of an exponent belongs to its number.
            let mut before = ' ';
            let of_number = first.is_ascii_digit();
            let end = rest[1..].find(|c| {
                let is_sign = of_number && matches!(c, '-' | '+') && before == 'e';
                before = c;
                !is_part(c) && !is_sign
            });
            let length = end.map_or(rest.len(), |end| end + 1);
            let is_word = WORDS.contains(&&rest[..length]);
            (if is_word { Token::End } else { Token::Operand }, length)
        } else if let Some(token) = longest(&ASSIGNMENTS) {
            (Token::End, token.len())
        } else if let Some(token) = longest(&OPERATORS) {
            (if is_after_operand { Token::Operator(token) } else { Token::Operand }, token.len())
        } else {
            let token = match first {
                '(' | '[' => Token::Open,
                ')' | ']' => Token::Close,
                '!' | '~' => Token::Operand,
                _ => Token::End,
            };
            (token, first.len_utf8())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The operators of each expression, those within brackets apart.
fn expressions(text: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    for token in tokens(text) {
        let innermost = open.last_mut().expect("brackets are closed after they are opened");
        match token {
            Token::Operand => {}
            Token::Operator(operator) => innermost.push(operator),
            Token::Open => open.push(Vec::new()),
            Token::Close => found.extend(open.pop()),
            Token::End => found.push(take(innermost)),
        }
    }
    found.extend(open);
    found
}

fn needs_parentheses(operators: &[&str]) -> bool {
    let is_bitwise = |operator: &&str| matches!(*operator, "&" | "|" | "^");
    if operators.iter().any(is_bitwise) {
        return operators.windows(2).any(|pair| pair[0] != pair[1]);
    }
    if operators.contains(&"&&") && operators.contains(&"||") {
        return true;
    }
    let is_comparison = |operator: &&str| matches!(*operator, "<" | ">" | "<=" | ">=" | "==" | "!=");
    operators.split(|operator| matches!(*operator, "&&" | "||")).any(|condition| {
        let sides: Vec<_> = condition.split(is_comparison).collect();
        let is_shift = |side: &[&str]| side.iter().any(|operator| matches!(*operator, "<<" | ">>"));
        sides.len() > 2 || sides.iter().any(|side| side.len() > 1 && is_shift(side))
    })
}

fn mixed(source: &str) -> Vec<Vec<&str>> {
    expressions(source).into_iter().filter(|operators| needs_parentheses(operators)).collect()
}

#[test]
fn no_operators_are_mixed_that_wgsl_keeps_apart() {
    for (_, shader) in variants() {
        let text = plain(&shader.source);
        assert_eq!(mixed(&text), Vec::<Vec<&str>>::new(), "{}", shader.stem);
    }
}

/// Examples of the specification, and what Tint refuses and takes.
#[test]
fn mixtures_are_told_from_what_may_stand_together() {
    for refused in [
        "if (edges[line] >> (x / BLOCK) & 1u) == 0u {",
        "let a = i * SPREAD >> 16u;",
        "let a = b & c | d;",
        "let a = b && c || d;",
        "let a = b < c < d;",
        "let a = b & c == d;",
        "let a = b + c << d;",
        "let a = 1u << b << c;",
    ] {
        assert_eq!(mixed(&plain(refused)).len(), 1, "{refused}");
    }
    for taken in [
        "if ((edges[line] >> (x / BLOCK)) & 1u) == 0u {",
        "return bitcast<f32>(u32(127 + exponent) << 23u);",
        "let a = b + c * d < e - 1u && 1u << f == g && !h;",
        "let a = b | c | d;",
        "word |= u32(fitting) << (i * bits);",
        "var<private> held: array<vec2f, REGISTERS>;",
        "let a = -b * 1e-5f; let c = array<atomic<u32>, 4>();",
        "fn f(a: u32) -> u32 { return -a + f(&b, c | d); }",
    ] {
        assert_eq!(mixed(&plain(taken)), Vec::<Vec<&str>>::new(), "{taken}");
    }
}
