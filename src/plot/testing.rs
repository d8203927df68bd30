//! What every picture's test asks of its text.

use std::collections::HashSet;

/// A light reading of XML: one root, tags that balance, attributes quoted and named once, entities known,
/// no character that XML has no way to write.
#[track_caller]
pub fn assert_well_formed(xml: &str) {
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()), "control character");
    let entities = |text: &str| {
        for after in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
            assert!(known.iter().any(|name| after.starts_with(name)), "entity in {text:?}");
        }
        assert!(!text.contains('>'), "stray > in {text:?}");
    };
    let (mut open, mut roots) = (Vec::new(), 0);
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        entities(&rest[..start]);
        assert!(!open.is_empty() || rest[..start].trim().is_empty(), "text outside the root");
        let end = start + rest[start..].find('>').expect("a tag without its end");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "tags do not balance");
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "{name:?}");
        let mut seen = HashSet::new();
        while let Some((key, after)) = attributes.trim_start().split_once("=\"") {
            assert!(seen.insert(key), "{key} twice in <{tag}>");
            let (value, after) = after.split_once('"').expect("an attribute without its end");
            assert!(!value.contains('<'));
            entities(value);
            attributes = after;
        }
        assert!(attributes.trim().is_empty(), "{attributes:?} left of <{tag}>");
        roots += usize::from(open.is_empty());
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "left open: {open:?} {rest:?}");
    assert_eq!(roots, 1);
}

/// Each of `texts` (escaped) stands in the picture as a text of its own.
#[track_caller]
pub fn assert_says(svg: &str, texts: &[&str]) {
    for text in texts {
        assert!(svg.contains(&format!(">\n{text}\n</text>")), "{text:?} is not in the picture");
    }
}

/// The fill colours of the circles, in order.
pub fn circles(svg: &str) -> Vec<&str> {
    svg.split("<circle")
        .skip(1)
        .map(|rest| {
            let fill = rest.split_once("fill=\"").expect("a circle without a fill").1;
            fill.split_once('"').expect("an attribute without its end").0
        })
        .collect()
}

#[test]
fn the_reading_refuses_what_is_not_xml() {
    assert_well_formed("<svg a=\"1\">\n<text>a &lt; b</text><g/>\n</svg>");
    let bad =
        ["<a><b></a></b>", "<a>&b</a>", "<a b=1/>", "<a/><b/>", "<a>", "<a b=\"1\" b=\"2\"/>"];
    for xml in bad {
        assert!(std::panic::catch_unwind(|| assert_well_formed(xml)).is_err(), "{xml} passed");
    }
}
