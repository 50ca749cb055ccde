//! JSON form bodies, flattened to names and values: `{"a":{"b":[1,2]}}` -> `a[b]=1`, `a[b]=2`.

use serde_json::Value;

use super::ReadLimits;
use super::charset;
use super::form::FormPairs;

/// Reads a JSON body. Depth is bounded by the parser (128); numbers and booleans become text, null nothing. Bytes that
/// are not UTF-8 are read by the charset `label` or by guess.
pub fn read(raw: &[u8], label: Option<&str>, limits: &ReadLimits) -> FormPairs {
    let mut pairs = FormPairs::default();
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    pairs.note_foreign("", raw);
    let text = charset::decode(raw, label).text;
    match serde_json::from_str::<Value>(&text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            flatten(String::new(), &value, &mut pairs, limits);
            if pairs.fields.len() > limits.fields {
                pairs.fields.truncate(limits.fields);
                pairs.is_cut(limits);
            }
        }
        Ok(_) => pairs.is_broken("broken_json", "The JSON body is neither an object nor a list.".to_owned()),
        Err(error) => {
            let at = format!("The JSON body is broken at line {}, column {}.", error.line(), error.column());
            pairs.is_broken("broken_json", at);
        }
    }
    pairs
}

fn flatten(name: String, value: &Value, pairs: &mut FormPairs, limits: &ReadLimits) {
    if pairs.fields.len() > limits.fields {
        return;
    }
    let scalar = match value {
        Value::Null => return,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            // A list repeats its name; lists of objects are numbered so that their members stay together.
            let numbered = items.iter().any(|item| item.is_object() || item.is_array());
            for (index, item) in items.iter().enumerate() {
                let name = if numbered { join(&name, &index.to_string()) } else { name.clone() };
                flatten(name, item, pairs, limits);
            }
            return;
        }
        Value::Object(members) => {
            for (key, member) in members {
                flatten(join(&name, key), member, pairs, limits);
            }
            return;
        }
    };
    pairs.fields.push((name, scalar));
}

/// `a` and `b` -> `a[b]`; names grow no longer than a few hundred bytes however deep the body.
fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() {
        key.to_owned()
    } else if outer.len() > 300 {
        outer.to_owned()
    } else {
        format!("{outer}[{key}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_get_bracket_names_in_order() {
        let read = read(
            br#"{"z":1.50,"a":{"b":["x",true]},"n":null,"l":[{"k":"v"}],"e":12345678901234567890}"#,
            None,
            &ReadLimits::default(),
        );
        let short: Vec<_> = read.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            short,
            [("z", "1.5"), ("a[b]", "x"), ("a[b]", "true"), ("l[0][k]", "v"), ("e", "12345678901234567890")]
        );
    }

    #[test]
    fn broken_json_is_a_warning() {
        for raw in [&b"{"[..], b"", b"3", b"\xff", &vec![b'['; 100_000]] {
            assert_eq!(read(raw, None, &ReadLimits::default()).warnings.len(), 1);
        }
    }
}
