//! `cargo xtask demo`: pods get their networks, before your eyes.
//!
//! Runs in a private user, network and mount namespace, with or without root; the built `multus` is called
//! exactly as a container runtime calls it: environment, standard input, standard output.

mod node;
mod pod;
mod show;
mod story;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use multus_tests::{binaries, privately};

use crate::build::Built;
use crate::setup::Setup;
use crate::workspace::Workspace;
use crate::{DemoOptions, build, run, setup};
use story::Parts;

/// Sets up what the demo needs, builds, and plays it in a private namespace.
///
/// # Errors
/// Something does not build, or an act does not go as told.
pub(crate) fn run(workspace: &Workspace, options: &DemoOptions) -> Result<()> {
    if options.inside {
        return story::run(parts(workspace));
    }
    let setup = setup::run(workspace)?;
    let built = build::run(workspace)?;
    play(workspace, &setup, &built)
}

/// Plays the demo with what was built, in a private namespace.
///
/// # Errors
/// An act does not go as told.
pub(crate) fn play(workspace: &Workspace, setup: &Setup, built: &Built) -> Result<()> {
    let own: OsString = Workspace::own_program()?.into();
    let mut command = privately(&[own.as_ref(), "demo".as_ref(), "--inside".as_ref()]);
    command.env("PATH", workspace.search_path());
    command.env("MULTUS_BIN", &built.multus).env("MULTUSCTL_BIN", &built.multusctl);
    command.env("MULTUS_COMPONENTS", &built.components);
    command.env("CNI_PLUGINS", setup.cni_plugins.as_deref().unwrap_or("".as_ref()));
    run::quietly(&mut command)
}

fn parts(workspace: &Workspace) -> Parts {
    let plugins = env::var_os("CNI_PLUGINS").filter(|folder| !folder.is_empty());
    Parts {
        multus: binaries::multus(),
        multusctl: binaries::multusctl(),
        plugins: plugins.map(PathBuf::from),
        examples: workspace.root.join("examples"),
    }
}
