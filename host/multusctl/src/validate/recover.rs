//! JSON that people wrote with comments or a comma too many: each such place is reported, then passed over, so
//! that one run shows everything that is wrong.

use multus_document::{Object, Position, SyntaxError};

/// More of them, and the file is something else than JSON.
const MOST: usize = 50;

/// An object as far as it could be read.
pub(super) struct Recovered {
    /// `None` if the text could not be read to its end.
    pub(super) object: Option<Object>,
    /// The text that was read in the end. What was passed over is blanks, every place is where it was.
    pub(super) text: String,
    /// In the order of the text.
    pub(super) errors: Vec<SyntaxError>,
}

/// Reads an object, going on after comments and trailing commas.
pub(super) fn read(text: &str) -> Recovered {
    let mut recovered = Recovered { object: None, text: text.to_owned(), errors: Vec::new() };
    let mut letters: Vec<char> = text.chars().collect();
    while recovered.errors.len() < MOST {
        match Object::parse(recovered.text.as_bytes()) {
            Ok(object) => {
                recovered.object = Some(object);
                break;
            }
            Err(mut error) => {
                let passed = error.position.and_then(|position| pass_over(&mut letters, position));
                if passed == Some(Obstacle::Comment) {
                    // Which of the many things that are no comment a reader expected there is of no help.
                    error.message = "a comment".to_owned();
                }
                recovered.errors.push(error);
                if passed.is_none() {
                    break;
                }
                recovered.text = letters.iter().collect();
            }
        }
    }
    recovered
}

/// What people write that JSON does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Comment,
    TrailingComma,
}

/// Blanks out what stands at `position`, if that is a comment or a bracket after a comma.
fn pass_over(text: &mut [char], position: Position) -> Option<Obstacle> {
    let (obstacle, start, end) = offsets(text, position).into_iter().find_map(|at| obstacle(text, at))?;
    let blanks = text.iter_mut().take(end).skip(start);
    blanks.filter(|letter| **letter != '\n').for_each(|letter| *letter = ' ');
    Some(obstacle)
}

/// Where a position may be: columns count characters, but some readers count bytes.
fn offsets(text: &[char], position: Position) -> Vec<usize> {
    let Some(line) = text.split(|letter| *letter == '\n').nth(position.line.saturating_sub(1)) else {
        return Vec::new();
    };
    let before = text.split(|letter| *letter == '\n').take(position.line.saturating_sub(1));
    let start: usize = before.map(|line| line.len() + 1).sum();
    let column = position.column.saturating_sub(1);
    let mut bytes = 0;
    let letters = line.iter().take_while(|letter| {
        bytes += letter.len_utf8();
        bytes <= column
    });
    vec![start + column, start + letters.count()]
}

/// What stops a reader at `at`, and from where to where it goes.
fn obstacle(text: &[char], at: usize) -> Option<(Obstacle, usize, usize)> {
    match text.get(at..)? {
        ['#', ..] | ['/', '/', ..] => Some((Obstacle::Comment, at, end(text, at, &['\n']))),
        ['/', '*', ..] => Some((Obstacle::Comment, at, end(text, at, &['*', '/']) + 2)),
        ['}' | ']', ..] => comma_before(text, at).map(|comma| (Obstacle::TrailingComma, comma, comma + 1)),
        _ => None,
    }
}

/// Where `mark` comes next, or the end.
fn end(text: &[char], from: usize, mark: &[char]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.windows(mark.len()).position(|window| window == mark).map_or(text.len(), |distance| from + distance)
}

fn comma_before(text: &[char], at: usize) -> Option<usize> {
    let before = text.iter().enumerate().take(at).rev().find(|(_, letter)| !letter.is_whitespace());
    before.filter(|(_, letter)| **letter == ',').map(|(comma, _)| comma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_all_found_at_once() {
        let text = "{ # one\n  \"a\": [1, 2,], // two\n  /* three\n  lines */ \"é\": \"#//\", # four\n}\n";
        let Recovered { object, errors, text: clean } = read(text);
        assert_eq!(clean.lines().map(|line| line.chars().count()).sum::<usize>(), text.chars().count() - 5);
        assert_eq!(object.unwrap().to_string(), r##"{"a":[1, 2 ],"é":"#//"}"##);
        let places: Vec<_> = errors.iter().map(|error| error.position.unwrap().line).collect();
        assert_eq!(places, [1, 2, 2, 3, 4, 5], "{errors:?}");
    }

    #[test]
    fn what_can_not_be_passed_over_ends_it() {
        for text in ["{]", "{'a': 1}", "{\"a\" 1}", "", "}", "/*", "#", "[1]"] {
            let found = read(text);
            assert!(found.object.is_none() && !found.errors.is_empty(), "{text}");
        }
    }

    #[test]
    fn thousands_of_comments_are_not_followed() {
        let found = read(&"# note\n".repeat(5000));
        assert!(found.object.is_none());
        assert_eq!(found.errors.len(), MOST);
    }
}
