//! House rules that no lint knows: sizes, and where `unsafe` may be.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::run::say;
use crate::workspace::Workspace;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 100;
const NOT_OURS: [&str; 3] = ["target", "dist", ".git"];

/// Every Rust file of the repository.
///
/// # Errors
/// All that break a rule, one a line.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    say("checking sizes, and where `unsafe` is");
    let mut files = Vec::new();
    collect(&workspace.root, &mut files)?;
    let mut problems = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path)?;
        let found = problems_of(path, &text);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", workspace.short(path))));
    }
    ensure!(problems.is_empty(), "{} problem(s):\n      {}", problems.len(), problems.join("\n      "));
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            let ours = NOT_OURS.iter().all(|other| name != *other);
            let root_of_another = path.join("CACHEDIR.TAG").exists();
            if ours && !root_of_another {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn problems_of(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_LINES {
        problems.push(format!("{} lines, {FILE_LINES} are allowed: one idea a module", lines.len()));
    }
    problems.extend(long_functions(&lines));
    if !path.ends_with("sys.rs") {
        problems.extend(lines.iter().enumerate().filter(|(_, line)| has_unsafe(line)).map(|(index, _)| {
            format!("line {}: `unsafe` is for files named sys.rs, behind a safe function", index + 1)
        }));
    }
    problems
}

/// `unsafe` as code, and a lint wall taken down for anything but a module `sys`.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default().trim();
    let keyword = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe trait ", "unsafe extern "];
    let opens = keyword.iter().any(|word| code.starts_with(word) || code.contains(&format!(" {word}")));
    let quoted = code.contains('"') && code.find('"') < code.find("unsafe");
    let wall = code.starts_with("#![allow(") && code.contains("unsafe_code");
    (opens && !quoted) || wall
}

/// rustfmt ends a function with a brace in the column that it began in.
fn long_functions(lines: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let name = code.split("fn ").nth(1).and_then(|rest| rest.split(['(', '<']).next());
        let Some(name) = name.filter(|_| is_function(code)) else { continue };
        let end = lines.iter().skip(start).position(|line| line.strip_prefix(indent) == Some("}"));
        if let Some(length) = end.filter(|length| *length >= FUNCTION_LINES) {
            problems.push(format!("line {}: `{name}` has {} lines", start + 1, length + 1));
        }
    }
    problems
}

fn is_function(code: &str) -> bool {
    let before = code.split("fn ").next().unwrap_or_default();
    let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "extern", "\"C\""];
    code.contains("fn ")
        && !code.ends_with(';')
        && before.split_whitespace().all(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_seen_where_it_is_code() {
        let cases = [
            ("let x = unsafe { read() };", true),
            ("unsafe extern \"C\" {", true),
            ("pub unsafe fn f() {}", true),
            ("#![allow(unsafe_code, reason = \"here\")]", true),
            ("#[allow(unsafe_code, reason = \"the calls of this crate\")]", false),
            ("// unsafe { }", false),
            ("/// is unsafe to call", false),
            ("say(\"an unsafe { block\");", false),
        ];
        for (line, expected) in cases {
            assert_eq!(has_unsafe(line), expected, "{line}");
        }
        assert!(problems_of(Path::new("a/sys.rs"), "unsafe { }").is_empty());
        assert_eq!(problems_of(Path::new("a/lib.rs"), "fn f() {\n    unsafe { }\n}").len(), 1);
    }

    #[test]
    fn what_is_too_long_is_named() {
        let body = "        x();\n".repeat(100);
        let text = format!(
            "impl X {{\n    pub(crate) fn long(self) {{\n{body}    }}\n\n    fn short() {{\n    }}\n}}\n"
        );
        assert_eq!(problems_of(Path::new("a.rs"), &text), ["line 2: `long` has 102 lines"]);
        let text = "x\n".repeat(501);
        assert_eq!(problems_of(Path::new("a.rs"), &text).len(), 1);
    }
}
