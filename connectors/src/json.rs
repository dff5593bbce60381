//! What the readers of JSON exports share: fields that may be missing, and knowing an export by its keys.

use nexus_types::Millis;
use serde_json::Value;

use crate::frame::accepted;

/// A text field; empty if it is missing or something else.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A list field; empty if it is missing or something else.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// Takes a list out of a value.
pub(crate) fn take_list(value: &mut Value, field: &str) -> Vec<Value> {
    match value.get_mut(field).map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// The instant of a number of seconds since 1970, whole or not, as a number or as text.
pub(crate) fn seconds(value: &Value) -> Option<Millis> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let millis = (seconds * 1_000.0).round();
    if millis.abs() < 1e15 { accepted(millis as Millis) } else { None }
}

/// A value as one writes it: a text as it is, anything else as JSON.
pub(crate) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The keys of the first object of a document of which this is the beginning, without those of objects within it.
pub(crate) fn first_keys(head: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    let (mut depth, mut objects_at, mut at) = (0_usize, None, 0);
    while at < head.len() {
        match head[at] {
            b'"' => {
                let Some(length) = string_length(&head[at + 1..]) else { break };
                let rest = head[at + length + 2..].trim_ascii_start();
                if rest.first() == Some(&b':') && objects_at == Some(depth) {
                    keys.push(String::from_utf8_lossy(&head[at + 1..=at + length]).into_owned());
                }
                at += length + 1;
            }
            b'{' => {
                depth += 1;
                objects_at = objects_at.or(Some(depth));
            }
            b'[' => depth += 1,
            b'}' if objects_at == Some(depth) => break,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    keys
}

/// The bytes up to the quotation mark that ends a string.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while *bytes.get(at)? != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_first_object() {
        let keys = |json: &str| first_keys(json.as_bytes()).join(",");
        assert_eq!(keys(r#"{"a": {"x": "\":"}, "b": [{"y": 1}], "c\"" : 2} {"d": 1}"#), r#"a,b,c\""#);
        assert_eq!(keys(r#"[ {"a": 1, "b": "unfinis"#), "a,b");
        assert_eq!(keys("[1, 2]"), "");
        assert_eq!(keys("\"\\"), "");
    }

    #[test]
    fn seconds_are_read_in_every_form() {
        let read = |json: &str| seconds(&serde_json::from_str(json).unwrap_or_default());
        assert_eq!(
            [read("1704057245.123"), read("\"1704057245\""), read("null")],
            [Some(1_704_057_245_123), Some(1_704_057_245_000), None]
        );
        assert_eq!(read("1e300"), None);
    }
}
