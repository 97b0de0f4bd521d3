//! As much of `--output jsonpath=…` as the README uses: text, and expressions of members and indices.

use serde_json::Value;

/// What `kubectl` prints for a template.
pub(crate) fn print(template: &str, object: &Value) -> Result<String, String> {
    let mut printed = String::new();
    let mut rest = template;
    while let Some((text, tail)) = rest.split_once('{') {
        let (path, tail) = tail.split_once('}').ok_or_else(|| format!("{template}: no closing brace"))?;
        printed += text;
        printed += &found(path, object)?;
        rest = tail;
    }
    Ok(printed + rest)
}

/// What is not there is nothing, as it is to `kubectl`.
fn found(path: &str, object: &Value) -> Result<String, String> {
    let mut value = object;
    for step in steps(path)? {
        value = match step.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[step.as_str()],
        };
    }
    Ok(match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// `.a.b\.c[0]` is `a`, `b.c`, `0`.
fn steps(path: &str) -> Result<Vec<String>, String> {
    let path = path.strip_prefix('.').ok_or_else(|| format!("{path}: the double knows paths alone"))?;
    let mut steps = vec![String::new()];
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '.' | '[' => steps.push(String::new()),
            ']' => {}
            '\\' => steps.last_mut().unwrap().extend(letters.next()),
            '@' | '*' | '?' | '\'' => return Err(format!("{path}: the double does not know {letter}")),
            other => steps.last_mut().unwrap().push(other),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_followed() {
        let object = json!({ "data": { "ca.crt": "QQ==", "n": 5 }, "list": [{ "a": "first" }] });
        let rows = [
            ("{.data.ca\\.crt}", Ok("QQ==")),
            ("{.list[0].a}, {.data.n}\n", Ok("first, 5\n")),
            ("{.data.token}", Ok("")),
            ("plain", Ok("plain")),
            ("{.list[*].a}", Err(())),
            ("{range .items}", Err(())),
            ("{.data", Err(())),
        ];
        for (template, expected) in rows {
            let printed = print(template, &object);
            assert_eq!(printed.as_deref().map_err(|_| ()), expected, "{template}");
        }
    }
}
