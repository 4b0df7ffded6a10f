//! What makes an output: two that are made of the same are the same, byte for byte.

use serde_json::Value;

/// Differences that a message names; more would not be read.
const NAMED: usize = 3;

/// What differs between the identity of an earlier run, as it was read, and that of this one; `None` when nothing does.
pub(in crate::output) fn difference(before: &Value, now: &Value) -> Option<String> {
    // Through text, as the other went: a reader of decimals may round.
    let now = serde_json::from_str(&now.to_string()).expect("what was written as JSON is JSON");
    let mut found = Vec::new();
    compare("", before, &now, &mut found);
    if found.is_empty() {
        return None;
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(found.join("; ") + &more)
}

fn compare(name: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in names {
                let inner = if name.is_empty() { key.clone() } else { format!("{name} {key}") };
                let null = Value::Null;
                compare(&inner, a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{name} was {a}, is {b}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_named_with_both_values() {
        let before = json!({ "options": { "iterations": 20, "fill": 0.1 }, "input": { "size": 7 } });
        assert_eq!(difference(&before, &before), None);
        let now = json!({ "options": { "iterations": 30, "fill": 0.1 }, "input": { "size": 7 }, "new": "x" });
        let expected = "new was null, is \"x\"; options iterations was 20, is 30";
        assert_eq!(difference(&before, &now).as_deref(), Some(expected));
        let many = json!({ "a": 1, "b": 2, "c": 3, "d": 4, "e": 5 });
        assert!(difference(&json!({}), &many).unwrap().ends_with("c was null, is 3; and 2 more"));
    }

    #[test]
    fn numbers_that_a_reader_rounds_are_the_same() {
        for value in [0.1, 1.0 / 3.0, 123456.789e-7, f64::MAX, 5e-324, 0.000_123_456_789_012_345_67] {
            let identity = json!({ "value": value, "narrow": value as f32 });
            let read = serde_json::from_str(&identity.to_string()).unwrap();
            assert_eq!(difference(&read, &identity), None, "{value}");
        }
    }
}
