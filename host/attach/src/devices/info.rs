//! Device-information files (device-info specification 1.1.0, 4 and 5): what the device plugin tells of a
//! device is handed to the network's plugins, and what they make of it goes into the network-status (NP-34).

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use multus_cluster::devices::{Device, DeviceInfo};
use multus_cni::{Code, Error};
use multus_document::file;
use multus_journal::{Effect, Part, PartRecord};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::plan::Attachment;
use crate::steps::Run;

/// The capability by which a plugin is told where its file is.
pub(super) const CAPABILITY: &str = "CNIDeviceInfoFile";
/// Many times what any device has to tell.
const MAX_BYTES: u64 = 64 << 10;
/// The folder of networks' files, and that of device plugins'.
const OF_NETWORKS: &str = "cni";
const OF_PLUGINS: &str = "dp";

/// Where the information about an attachment's device is, or is to be put by a plugin of the network; `None`
/// if the network is about no device.
pub(super) fn path_of(call: &Call<'_>, attachment: &Attachment) -> Option<PathBuf> {
    let Attachment { display, interface, network, device, .. } = attachment;
    let declared = || network.plugins.iter().any(|plugin| plugin.capabilities().contains(&CAPABILITY.into()));
    let name = || flat(&format!("{display}-{}_{interface}", call.request.container_id));
    let folder = call.conf.devices.device_info.join(OF_NETWORKS);
    (device.is_some() || declared()).then(|| folder.join(name()))
}

/// The device plugin's file about a device.
fn of_plugin(folder: &Path, device: &Device) -> PathBuf {
    folder.join(OF_PLUGINS).join(format!("{}-{}-device.json", flat(&device.resource), flat(&device.id)))
}

/// A name within one folder.
fn flat(name: &str) -> String {
    name.replace('/', "-")
}

/// Hands the device plugin's information to the plugins of an attachment that is about to be made. Not every
/// device plugin has any.
///
/// # Errors
/// Code 5: the file could not be written. Those of writing the record.
pub(crate) fn hand_over(run: &mut Run<'_>, attachment: &Attachment) -> Result<(), Error> {
    let Some(path) = &attachment.device_info else { return Ok(()) };
    let part = Part::Attachment { attachment: attachment.index };
    let sequence = run.intend(part, Effect::DeviceInfo { path: path.display().to_string() })?;
    let told = attachment
        .device
        .as_ref()
        .and_then(|device| read_or_warn(run.call, &of_plugin(&run.call.conf.devices.device_info, device)));
    // Another attachment's information under this name would be taken for this one's.
    let written = file::remove(path).and_then(|()| told.map_or(Ok(()), |info| write(path, &info)));
    let written = written.map_err(|error| file_error("write", path, &error));
    run.done(sequence, written.as_ref().err())?;
    written
}

/// What is told of an attachment's device once its plugins have run.
pub(crate) fn of_attachment(call: &Call<'_>, attachment: &Attachment) -> Option<Value> {
    attachment.device_info.as_deref().and_then(|path| read_or_warn(call, path)).map(Value::from)
}

/// Removes the files that a record says were to be written.
///
/// # Errors
/// Code 5: one is still there.
pub(crate) fn take_back(part: &PartRecord) -> Result<(), Error> {
    part.effects.iter().try_for_each(|done| match &done.effect {
        Effect::DeviceInfo { path } => {
            file::remove(path.as_ref()).map_err(|error| file_error("remove", path.as_ref(), &error))
        }
        _ => Ok(()),
    })
}

/// Removes the file of an attachment that has no record here, by the arguments that libcni's cache keeps. Only one
/// in the folder of such files: the cache may be older than the conf.
pub(crate) fn remove_cached(call: &Call<'_>, arguments: &Map<String, Value>) {
    let folder = call.conf.devices.device_info.join(OF_NETWORKS);
    let Some(path) = cached(&folder, arguments) else { return };
    if let Err(error) = file::remove(path) {
        call.node.warn(&file_error("remove", path, &error).to_string());
    }
}

fn cached<'a>(folder: &Path, arguments: &'a Map<String, Value>) -> Option<&'a Path> {
    let path = Path::new(arguments.get(CAPABILITY)?.as_str()?);
    (path.file_name().is_some() && path.parent() == Some(folder)).then_some(path)
}

/// Information that can't be used keeps no pod from its network: it is for people and applications.
fn read_or_warn(call: &Call<'_>, path: &Path) -> Option<DeviceInfo> {
    match read(path) {
        Ok(info) => info,
        Err(why) => {
            call.node.warn(&format!("{}: device information {}: {why}", call.subject(), path.display()));
            None
        }
    }
}

fn read(path: &Path) -> Result<Option<DeviceInfo>, String> {
    match file::read(path, MAX_BYTES) {
        Ok(text) => DeviceInfo::parse(&text).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Whole or not at all: a plugin may look at any time.
fn write(path: &Path, info: &DeviceInfo) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    file::replace(path, &path.with_added_extension("new"), |draft| fs::write(draft, info.to_string()))
}

fn file_error(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Io, format!("can't {what} the device information {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INFO: &str = r#"{"type":"pci","version":"1.1.0","pci":{"pci-address":"0000:03:02.0"}}"#;

    #[test]
    fn names_stay_within_their_folder() {
        let rows = [
            (("vendor.example/vf", "0000:03:02.0"), "/d/dp/vendor.example-vf-0000:03:02.0-device.json"),
            (("vendor.example/vf", "/dev/a/b"), "/d/dp/vendor.example-vf--dev-a-b-device.json"),
            (("..", "../../etc/passwd"), "/d/dp/..-..-..-etc-passwd-device.json"),
            (("", ""), "/d/dp/--device.json"),
        ];
        for ((resource, id), expected) in rows {
            let device = Device { resource: resource.to_owned(), id: id.to_owned() };
            let path = of_plugin("/d".as_ref(), &device);
            assert_eq!(path, Path::new(expected));
            assert_eq!(path.parent().unwrap(), Path::new("/d/dp"));
        }
    }

    #[test]
    fn what_the_cache_names_is_removed_only_from_the_folder() {
        let rows = [
            (json!("/d/cni/ns-red-sandbox_net1"), true),
            (json!("/d/cni/.."), false),
            (json!("/d/cni/../../etc/passwd"), false),
            (json!("/d/dp/vendor-vf-device.json"), false),
            (json!("/etc/passwd"), false),
            (json!(""), false),
            (json!(7), false),
        ];
        for (value, expected) in rows {
            let arguments = Map::from_iter([(CAPABILITY.to_owned(), value.clone())]);
            assert_eq!(cached("/d/cni".as_ref(), &arguments).is_some(), expected, "{value}");
        }
        assert_eq!(cached("/d/cni".as_ref(), &Map::new()), None);
    }

    #[test]
    fn a_file_is_written_whole_read_back_and_removed_more_than_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cni").join("ns-red-sandbox_net1");
        assert_eq!(read(&path).unwrap(), None, "not every device plugin writes one");
        file::remove(&path).unwrap();
        let info = DeviceInfo::parse(INFO.as_bytes()).unwrap();
        write(&path, &info).unwrap();
        write(&path, &info).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), INFO);
        assert_eq!(read(&path).unwrap(), Some(info));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        file::remove(&path).unwrap();
        file::remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn what_is_no_information_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("info");
        assert_eq!(read(dir.path()).unwrap_err(), "it is not a file");
        for text in ["{", r#"{"type":"pci","version":"1.1.0"}"#, &format!("{INFO}{}", " x".repeat(64 << 10))]
        {
            fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text:.40}");
        }
    }
}
