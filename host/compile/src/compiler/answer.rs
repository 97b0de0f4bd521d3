//! What the child hands back: a line that says what follows, then the artifact. The parent believes none of it before it
//! has looked.

use std::io::{self, Write};

use multus_wasm::{Digest, ENGINE_ID};
use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Precompiled};

use crate::artifact::Artifact;
use crate::error::CompileError;

/// The longest first line: a refusal can quote the component.
pub(super) const HEAD_BYTES: u64 = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Head {
    /// The artifact follows.
    Compiled { component: Digest, engine: String, artifact: Digest },
    /// The compiler does not take the component.
    Refused(String),
    /// The compiler itself could not start.
    Broken(String),
}

/// Writes what came of it.
pub(super) fn write(compiled: &Result<Artifact, CompileError>, mut to: impl Write) -> io::Result<()> {
    let (head, bytes) = match compiled {
        Ok(artifact) => (
            Head::Compiled {
                component: artifact.component,
                engine: ENGINE_ID.to_owned(),
                artifact: artifact.digest,
            },
            artifact.bytes.as_slice(),
        ),
        Err(CompileError::Compiler(why)) => (Head::Broken(why.clone()), [].as_slice()),
        Err(CompileError::Refused(why)) => (Head::Refused(shortened(why)), [].as_slice()),
        Err(other) => (Head::Refused(shortened(&other.to_string())), [].as_slice()),
    };
    serde_json::to_writer(&mut to, &head)?;
    to.write_all(b"\n")?;
    to.write_all(bytes)?;
    to.flush()
}

/// Names in a component can be of any length.
fn shortened(text: &str) -> String {
    text.chars().take(1000).collect()
}

/// Reads what came back for a component: an artifact of that component, for this engine, whole.
pub(super) fn read(component: &[u8], answer: &[u8]) -> Result<Artifact, CompileError> {
    let foreign = |why: &str| CompileError::Answer(why.to_owned());
    let end = answer.iter().take(HEAD_BYTES as usize).position(|byte| *byte == b'\n');
    let (head, rest) =
        end.and_then(|end| answer.split_at_checked(end)).ok_or_else(|| foreign("it is cut short"))?;
    let bytes = rest.get(1..).unwrap_or_default();
    let head = serde_json::from_slice(head).map_err(|error| foreign(&error.to_string()))?;
    let (about, engine, artifact) = match head {
        Head::Compiled { component, engine, artifact } => (component, engine, artifact),
        Head::Refused(why) => return Err(CompileError::Refused(why)),
        Head::Broken(why) => return Err(CompileError::Compiler(why)),
    };
    let component = Digest::of(component);
    if about != component {
        return Err(foreign("it is about another component"));
    }
    if engine != ENGINE_ID {
        return Err(foreign(&format!("it is for engine {engine}, this is {ENGINE_ID}")));
    }
    let digest = Digest::of(bytes);
    if digest != artifact {
        return Err(foreign("the artifact is not the one that it announces"));
    }
    if Engine::detect_precompiled(bytes) != Some(Precompiled::Component) {
        return Err(foreign("what follows is no compiled component"));
    }
    Ok(Artifact { component, digest, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::compile_component;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn written(compiled: &Result<Artifact, CompileError>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(compiled, &mut bytes).unwrap();
        bytes
    }

    fn edited(answer: &[u8], from: &str, to: &str) -> Vec<u8> {
        let end = answer.iter().position(|byte| *byte == b'\n').unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        assert!(head.contains(from), "{head}");
        [head.replace(from, to).as_bytes(), &answer[end..]].concat()
    }

    #[test]
    fn an_artifact_comes_back_as_it_was_made() {
        let artifact = compile_component(EMPTY).unwrap();
        let back = read(EMPTY, &written(&Ok(artifact.clone()))).unwrap();
        assert_eq!(
            (back.component, back.digest, back.bytes),
            (artifact.component, artifact.digest, artifact.bytes)
        );
    }

    #[test]
    fn what_is_not_exactly_that_is_not_believed() {
        let artifact = compile_component(EMPTY).unwrap();
        let good = written(&Ok(artifact.clone()));
        let module = Artifact { bytes: b"\x7fELF".to_vec(), digest: Digest::of(b"\x7fELF"), ..artifact };
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let rows = [
            ("nothing", Vec::new(), "it is cut short"),
            ("no end of the first line", vec![b'x'; 1 << 20], "it is cut short"),
            ("no head", b"x\n".to_vec(), "expected value"),
            ("cut short", good[..good.len() - 1].to_vec(), "not the one that it announces"),
            ("longer", [&good[..], b"\0"].concat(), "not the one that it announces"),
            ("one bit", flipped, "not the one that it announces"),
            (
                "another engine",
                edited(&good, ENGINE_ID, "48.0.7+multus.1"),
                "it is for engine 48.0.7+multus.1",
            ),
            (
                "another component",
                edited(&good, &artifact.component.hex(), &Digest::of(b"other").hex()),
                "it is about another component",
            ),
            ("no compiled component", written(&Ok(module)), "no compiled component"),
        ];
        for (what, answer, expected) in rows {
            let error = read(EMPTY, &answer).unwrap_err();
            assert!(matches!(error, CompileError::Answer(_)), "{what}: {error}");
            assert!(error.to_string().contains(expected), "{what}: {error}");
        }
    }

    #[test]
    fn refusals_are_told_apart_and_bounded() {
        let refused = written(&Err(CompileError::Refused("é".repeat(100_000))));
        assert!(refused.len() < HEAD_BYTES as usize);
        assert!(matches!(read(EMPTY, &refused), Err(CompileError::Refused(why)) if why.starts_with("éé")));
        let broken = written(&Err(CompileError::Compiler("no memory".to_owned())));
        assert!(matches!(read(EMPTY, &broken), Err(CompileError::Compiler(_))));
    }
}
