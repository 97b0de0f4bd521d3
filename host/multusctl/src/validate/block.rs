//! From a place in a text to its place in the YAML that holds the text.

use multus_document::Position;

/// Where `inner`, a place in `value`, stands in the YAML text `yaml`, in which the value starts at `start`.
///
/// Only where the value stands there letter by letter: in a literal block (`|`), or on one line. `None` where
/// YAML folded or escaped it.
pub(super) fn locate(yaml: &str, start: Position, value: &str, inner: Position) -> Option<Position> {
    in_block(yaml, start, value, inner).or_else(|| on_one_line(yaml, start, value, inner))
}

/// A literal block starts at its first line that is not blank, at the column of its indentation.
fn in_block(yaml: &str, start: Position, value: &str, inner: Position) -> Option<Position> {
    let blank = value.lines().take_while(|line| line.trim().is_empty()).count();
    let line = (start.line + inner.line).checked_sub(1 + blank)?;
    let indent = start.column.checked_sub(1)?;
    let written: String = nth_line(yaml, line)?.chars().skip(indent).collect();
    let is_same = written.trim_end() == nth_line(value, inner.line)?.trim_end();
    is_same.then_some(Position { line, column: indent + inner.column })
}

fn on_one_line(yaml: &str, start: Position, value: &str, inner: Position) -> Option<Position> {
    let line: Vec<char> = nth_line(yaml, start.line)?.chars().collect();
    let mut begin = start.column.checked_sub(1)?;
    if matches!(line.get(begin), Some('\'' | '"')) {
        begin += 1;
    }
    let value: Vec<char> = value.chars().collect();
    let found = line.get(begin..begin + value.len()) == Some(value.as_slice());
    (found && inner.line == 1).then_some(Position { line: start.line, column: begin + inner.column })
}

fn nth_line(text: &str, number: usize) -> Option<&str> {
    text.lines().nth(number.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_document::yaml;

    const YAML: &str = "\
literal: |

    {
      \"a\": 1
    }
explicit: |2-  # two
    x
quoted: '{\"a\": 1}'
plain: net-a, net-b@eth5
folded: >-
  {
  }
escaped: \"{\\\"a\\\"}\"
";

    #[test]
    fn places_are_those_of_the_letters() {
        let rows = [
            ("/literal", (3, 3), Some((4, 7))),
            ("/literal", (4, 1), Some((5, 5))),
            ("/explicit", (1, 3), Some((7, 5))),
            ("/quoted", (1, 2), Some((8, 11))),
            ("/plain", (1, 8), Some((9, 15))),
            ("/folded", (1, 2), None),
            ("/escaped", (1, 2), None),
            ("/literal", (99, 1), None),
        ];
        let document = yaml::parse(YAML).unwrap().remove(0);
        for (pointer, (line, column), expected) in rows {
            let value = document.value.pointer(pointer).unwrap().as_str().unwrap();
            let found = locate(YAML, document.locate(pointer).unwrap(), value, Position { line, column });
            assert_eq!(found.map(|place| (place.line, place.column)), expected, "{pointer} {line}:{column}");
        }
    }
}
