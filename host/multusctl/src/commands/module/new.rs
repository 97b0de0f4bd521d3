//! `multusctl module new`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use multus_wasm::Role;
use serde::Serialize;

use super::role::RoleName;
use super::sdk::Sdk;
use crate::console::{Console, Report};

/// Make a crate for a new module: source, fixtures, README
///
/// It compiles as it stands. The SDK is taken from the checkout of this project that the new folder or this program
/// lies in; --sdk names another.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module new my-policy --role policy
  multusctl module new jumbo --role transform --dir modules/jumbo --sdk ~/src/multus-host")]
pub(crate) struct New {
    /// The module's name: lower-case letters, digits and inner `-`.
    #[arg(value_parser = name)]
    name: String,
    /// What it is for.
    #[arg(long, value_enum)]
    role: RoleName,
    /// The folder to make [default: the name].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The SDK: a folder, this project's checkout or the SDK's own, or the URL of a git repository.
    #[arg(long, value_name = "PATH|URL")]
    sdk: Option<String>,
}

/// A crate's name that is a module's, too.
fn name(text: &str) -> Result<String, String> {
    let inner = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let starts = text.bytes().next().is_some_and(|letter| letter.is_ascii_lowercase());
    if starts && text.len() <= 64 && text.bytes().all(inner) && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err("use lower-case letters, digits and inner `-`, a letter first".to_owned())
    }
}

#[derive(Serialize)]
struct Made {
    directory: PathBuf,
    files: Vec<PathBuf>,
}

/// A file of the new crate.
struct File {
    path: &'static str,
    text: String,
}

impl New {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let directory = self.dir.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        check_free(&directory)?;
        let sdk = Sdk::find(self.sdk.as_deref(), &directory)?;
        let mut made = Made { directory: directory.clone(), files: Vec::new() };
        fs::create_dir_all(&directory).with_context(|| format!("can't make {}", directory.display()))?;
        for file in self.files(&sdk.dependency(&directory)?) {
            let path = directory.join(file.path);
            write(&path, &file.text).with_context(|| format!("can't write {}", path.display()))?;
            made.files.push(path);
        }
        console.show(&made)?;
        console.say(&format!(
            "next: `multusctl module test {}`; then change {} to what you need",
            directory.display(),
            directory.join("src/lib.rs").display()
        ));
        Ok(ExitCode::SUCCESS)
    }

    fn files(&self, dependency: &str) -> Vec<File> {
        let testing = dependency.trim_end_matches('}').trim_end().to_owned() + ", features = [\"testing\"] }";
        let Template { source, readme, fixtures, schema, description } = template(self.role.into());
        let fill = |text: &str| {
            text.replace("{{name}}", &self.name)
                .replace("{{description}}", description)
                .replace("{{sdk}}", dependency)
                .replace("{{sdk testing}}", &testing)
                .replace("{{file}}", &format!("target/components/{}.wasm", self.name.replace('-', "_")))
        };
        vec![
            File { path: "Cargo.toml", text: fill(include_str!("../../../templates/manifest.toml")) },
            File { path: "src/lib.rs", text: source.to_owned() },
            File { path: "README.md", text: fill(readme) },
            File { path: ".gitignore", text: "/target\n".to_owned() },
            File { path: "settings.schema.json", text: schema.to_owned() },
            File { path: "fixtures/example.yaml", text: fixtures.to_owned() },
        ]
    }
}

/// What a role's crate has in it.
struct Template {
    source: &'static str,
    readme: &'static str,
    fixtures: &'static str,
    schema: &'static str,
    description: &'static str,
}

fn template(role: Role) -> Template {
    match role {
        Role::Policy => Template {
            source: include_str!("../../../templates/policy.rs"),
            readme: include_str!("../../../templates/policy.md"),
            fixtures: include_str!("../../../templates/policy.yaml"),
            schema: include_str!("../../../templates/policy.schema.json"),
            description: "Refuses plugins of some types",
        },
        Role::Transform => Template {
            source: include_str!("../../../templates/transform.rs"),
            readme: include_str!("../../../templates/transform.md"),
            fixtures: include_str!("../../../templates/transform.yaml"),
            schema: include_str!("../../../templates/transform.schema.json"),
            description: "Sets the MTU of plugins that have none",
        },
        Role::Delegate => Template {
            source: include_str!("../../../templates/delegate.rs"),
            readme: include_str!("../../../templates/delegate.md"),
            fixtures: include_str!("../../../templates/delegate.yaml"),
            schema: include_str!("../../../templates/delegate.schema.json"),
            description: "Gives a pod one end of a pair of links",
        },
    }
}

/// What is there already is somebody's work.
fn check_free(directory: &Path) -> anyhow::Result<()> {
    match fs::read_dir(directory) {
        Ok(mut entries) => {
            ensure!(
                entries.next().is_none(),
                "{} is there and not empty: choose another folder with --dir",
                directory.display()
            );
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("can't use the folder {}", directory.display())),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

impl Report for Made {
    fn text(&self) -> String {
        self.files.iter().map(|path| format!("{}\n", path.display())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates_and_modules() {
        for good in ["a", "my-policy", "mtu9000"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "a-", "9a", "A", "a_b", "a/b", "../a", "é", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
