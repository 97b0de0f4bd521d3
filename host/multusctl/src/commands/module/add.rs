//! `multusctl module add`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use multus_compile::{InstallError, Installation, NewModule};
use multus_document::json as document;
use multus_wasm::{Catalog, Fault, Grants, Role};
use serde_json::{Map, Value, json};

use super::Places;
use super::compile::CompiledReport;
use super::compiler::CompileOptions;
use super::component::{Component, read_file};
use super::consent;
use super::inputs::Inputs;
use super::options::Options;
use super::role::RoleName;
use crate::console::Console;
use crate::progress;
use crate::text_file;

/// Install a component as a module: checked against its role, compiled, written into the catalog
///
/// Says what it will be able to do and asks. A new name gets an entry and the last place in its role's order. A name
/// that is there gets the new component and keeps what the catalog says of it, but for the options given here; a build
/// that needs more grants than that is refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  multusctl module add mtu.wasm --name jumbo --role transform --may-change /mtu --match-type bridge \\
      --settings mtu.json --conf /etc/cni/net.d/00-multus.conf
  multusctl module add guard.wasm --name guard --role policy --mode monitor --on-failure allow \\
      --catalog /etc/multus/catalog.json --module-dir /var/lib/multus/modules --cache-dir /var/cache/multus
  multusctl module add bridge.wasm --name bridge --role delegate --grant links=cni0 --grant ipam=host-local \\
      --conf /etc/cni/net.d/00-multus.conf")]
pub(crate) struct Add {
    /// The component, a .wasm file.
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// Its name in the catalog [default: the one noted in the component, else the file's].
    #[arg(long)]
    name: Option<String>,
    /// What it is for [default: the role that the component has, if it is one only].
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    /// A JSON file with the settings that the module gets.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Transforms: a JSON pointer that it may change; may be repeated.
    #[arg(long, value_name = "POINTER")]
    may_change: Vec<String>,
    /// Transforms: a plugin type that it works on, all if there is none; may be repeated.
    #[arg(long, value_name = "TYPE")]
    match_type: Vec<String>,
    /// Delegates: what it may reach, such as links=cni0, ipam=host-local or defaultRoutes=true; may be repeated.
    #[arg(long, value_name = "GRANT=VALUE", value_parser = grant)]
    grant: Vec<(String, String)>,
    /// Don't ask: what it will be able to do was read before.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    compiler: CompileOptions,
    #[command(flatten)]
    places: Places,
}

impl Add {
    pub(super) fn run(&self, console: &Console) -> anyhow::Result<ExitCode> {
        let compiler = self.compiler.compiler();
        let installation = Installation { compiler, ..self.places.installation()? };
        let bytes = read_file(&self.component)?;
        let component = Component::read(&bytes)?;
        let (name, role) = (self.name(&component), self.role(&component)?);
        self.options.check(role)?;
        self.inputs.check(role)?;
        let entry = self.entry(self.settings()?);
        let module = NewModule { name: &name, role, component: &bytes, entry: &entry };
        let preview = installation.preview(&module).map_err(|error| wider(&installation, error))?;
        for line in consent::in_words(&name, &preview, &component.imports) {
            console.say(&line);
        }
        if !self.yes {
            consent::ask("Install it?")?;
        }
        let what = format!("compiling {} as module {name}", self.component.display());
        let add = || installation.add(&module).map_err(anyhow::Error::from);
        let compiled = progress::during(console, &what, add)?;
        console.show(&CompiledReport::of(vec![compiled]))?;
        console.say(&format!("module {name} is in {}", installation.catalog.display()));
        Ok(ExitCode::SUCCESS)
    }

    fn name(&self, component: &Component<'_>) -> String {
        let of_file = || self.component.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
        self.name.clone().or_else(|| component.name.clone()).unwrap_or_else(of_file)
    }

    fn role(&self, component: &Component<'_>) -> anyhow::Result<Role> {
        if let Some(role) = self.role {
            return Ok(role.into());
        }
        match component.usable_roles()?.as_slice() {
            [role] => Ok(*role),
            roles => {
                let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
                bail!("this component can be a {}: say which with --role", names.join(" or a "))
            }
        }
    }

    fn settings(&self) -> anyhow::Result<Option<Value>> {
        let Some(path) = &self.settings else { return Ok(None) };
        let text = text_file::read(path)?;
        let value = document::parse(&text).with_context(|| format!("the settings {}", path.display()))?;
        Ok(Some(value))
    }

    /// The catalog's reader judges names and values.
    fn grants(&self) -> Map<String, Value> {
        let mut grants = Map::new();
        for (name, value) in &self.grant {
            match value.parse::<bool>() {
                Ok(flag) => drop(grants.insert(name.clone(), json!(flag))),
                Err(_) => match grants.entry(name.as_str()).or_insert_with(|| json!([])) {
                    Value::Array(values) => values.push(json!(value)),
                    flag => *flag = json!(value),
                },
            }
        }
        grants
    }

    /// What the command line says of the catalog's entry.
    fn entry(&self, settings: Option<Value>) -> Map<String, Value> {
        let mut changes = self.options.changes();
        changes.extend(settings.map(|settings| ("settings".to_owned(), settings)));
        if !self.may_change.is_empty() {
            changes.insert("mayChange".to_owned(), json!(self.may_change));
        }
        changes.extend(self.inputs.member().map(|inputs| ("inputs".to_owned(), inputs)));
        if !self.grant.is_empty() {
            changes.insert("grants".to_owned(), Value::Object(self.grants()));
        }
        if !self.match_type.is_empty() {
            changes.insert("match".to_owned(), json!({ "types": self.match_type }));
        }
        changes
    }
}

/// A new build that needs more than the one before is nothing that an update may bring along: what it wants beyond that
/// is said, and has to be given by name.
fn wider(installation: &Installation, error: InstallError) -> anyhow::Error {
    let InstallError::Ungranted { name, fault: Fault::MissingGrants { imports } } = &error else {
        return error.into();
    };
    let before = Catalog::load(&installation.catalog).ok();
    let Some(before) = before.as_ref().and_then(|catalog| catalog.modules.get(name)) else {
        return error.into();
    };
    let had: Vec<&str> = Grants::NAMES.into_iter().filter(|grant| before.grants.has(grant)).collect();
    let had = if had.is_empty() { "nothing".to_owned() } else { had.join(", ") };
    let wants: Vec<String> =
        imports.iter().map(|(import, grant)| format!("{grant} (it imports {import})")).collect();
    let wants = wants.join(", ");
    let is_wanted = |grant: &str| imports.iter().any(|(_, wanted)| *wanted == grant);
    let give = Grants::NAMES.into_iter().filter(|grant| before.grants.has(grant) || is_wanted(grant));
    let give: Vec<String> = give.map(|grant| format!("--grant {grant}=…")).collect();
    anyhow!(
        "this build of module {name} needs more than the one before: {wants}. It was granted {had}. Find out why, then \
         give it all that it is to have, since grants replace the ones before: {}",
        give.join(" ")
    )
}

fn grant(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write a grant, `=` and a value, as in links=cni0")?;
    Ok((name.to_owned(), value.to_owned()))
}
