//! Self-contained HTML pages: nothing is fetched, so they can be mailed and kept.

use serde_json::Value;

const TEMPLATE: &str = include_str!("../../assets/report.html");
const STYLE: &str = include_str!("../../assets/style.css");

/// A page titled `title` that `script` draws from `data`, which it finds as JSON in the element `data`. Its errors are
/// listed in the element `errors`.
pub fn page(title: &str, script: &str, data: &Value) -> String {
    let title = escaped(title);
    // Within a script element only `<` can begin something else (`</script>`, `<!--`); in JSON it stands in strings only.
    let data = data.to_string().replace('<', "\\u003c");
    let mut html = String::with_capacity(TEMPLATE.len() + STYLE.len() + script.len() + data.len());
    let mut rest = TEMPLATE;
    // One pass: what is filled in is not looked at again.
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template closes its braces");
        html.push_str(before);
        html.push_str(match name {
            "title" => &title,
            "style" => STYLE,
            "data" => &data,
            "script" => script,
            other => panic!("the template asks for {other}"),
        });
        rest = after;
    }
    html.push_str(rest);
    html
}

/// `text` as HTML shows it, also within the quotes of an attribute.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_can_end_its_element() {
        let data = serde_json::json!({ "name": "</script><!--<script>{{title}}", "µm": "\u{2028}" });
        let html = page("a < b & {{data}}", "draw();", &data);
        assert!(html.contains("<title>a &lt; b &amp; {{data}}</title>"), "{html}");
        let (_, rest) = html.split_once("id=\"data\">").unwrap();
        let (json, rest) = rest.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(json).unwrap(), data);
        assert!(rest.contains("<script>draw();</script>"));
    }
}
