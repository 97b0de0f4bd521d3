//! Which device.

use multus_guest::network::Link;
use multus_guest::{Failure, log};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::host::Answer;
use multus_guest_cni::{Conf, Host};

/// Where the kernel shows its devices.
const DEVICES: &str = "/sys/devices/";

/// How a conf names the device; of several keys the first one counts, as with the reference plugin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Device<'a> {
    /// `device`: the link's name.
    Name(&'a str),
    /// `hwaddr`: its hardware address, in lower case.
    Mac(String),
    /// `kernelpath`: its device below `/sys/devices`.
    Path(&'a str),
    /// `pciBusID`, or the device that the kubelet gave the pod (`runtimeConfig.deviceID`).
    Bus(&'a str),
}

impl<'a> Device<'a> {
    pub(crate) fn read(conf: &Conf<'a>) -> Result<Self, Failure> {
        if let Some(name) = conf.at("device")?.text()? {
            return Ok(Self::Name(name));
        }
        let mac = conf.at("hwaddr")?;
        if let Some(text) = mac.text()? {
            return normal(text)
                .map(Self::Mac)
                .ok_or_else(|| mac.wants("a hardware address like 0a:58:0a:01:02:03"));
        }
        let path = conf.at("kernelpath")?;
        if let Some(text) = path.text()? {
            let fine = text.starts_with(DEVICES) && !text.split('/').any(|part| part == "..");
            return if fine { Ok(Self::Path(text)) } else { Err(path.wants("a path below /sys/devices/")) };
        }
        let given = conf.path(&["runtimeConfig", "deviceID"])?.text()?;
        let named = conf.at("pciBusID")?.text()?;
        given.or(named).map(Self::Bus).ok_or_else(|| {
            invalid(
                "the conf names no device: it needs one of `device`, `hwaddr`, `kernelpath`, `pciBusID`, or a \
                 `deviceID` from the kubelet",
            )
        })
    }

    /// The device's link; `None` for a device whose driver is a program's and makes none.
    pub(crate) fn find(&self, host: Host) -> Answer<Option<Link>> {
        let missing = |what: String| {
            Failure::from(format!(
                "no link of the node that this module may use {what}: look at `ip link`, and at the grant `links`"
            ))
        };
        match self {
            Self::Name(name) => {
                let found = host.find_on_node(name)?;
                found.ok_or_else(|| missing(format!("has the name `{name}`"))).map(Some)
            }
            Self::Mac(mac) => {
                let found = with_mac(host, mac)?;
                found.ok_or_else(|| missing(format!("has the hardware address {mac}"))).map(Some)
            }
            Self::Path(path) => {
                let found = host.find_device(path)?;
                found.ok_or_else(|| missing(format!("is one of the device {path}"))).map(Some)
            }
            Self::Bus(device) => {
                let found = host.find_device(device)?;
                if found.is_none() {
                    log::info(&format!(
                        "the device {device} has no link: a program drives it, so none is moved"
                    ));
                }
                Ok(found)
            }
        }
    }
}

fn with_mac(host: Host, mac: &str) -> Answer<Option<Link>> {
    for link in host.links_of_node()? {
        if normal(&host.info(&link)?.mac).as_deref() == Some(mac) {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// A hardware address as the kernel writes it: `0A-58-…` is `0a:58:…`.
fn normal(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase().replace('-', ":");
    let byte = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    let whole = text.split(':').count() == 6 && text.split(':').all(byte);
    whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_guest::Plugin;

    fn read(text: &str) -> Result<String, String> {
        let plugin: Plugin = serde_json::from_str(text).unwrap();
        let device = Device::read(&Conf::of(&plugin)).map(|device| format!("{device:?}"));
        device.map_err(|failure| failure.message)
    }

    #[test]
    fn the_first_key_counts() {
        let rows = [
            (r#"{"device": "ens1", "hwaddr": "x", "pciBusID": "y"}"#, r#"Name("ens1")"#),
            (r#"{"hwaddr": "0A-58-0A-01-02-03", "kernelpath": "x"}"#, r#"Mac("0a:58:0a:01:02:03")"#),
            (
                r#"{"kernelpath": "/sys/devices/pci0000:00/x", "pciBusID": "y"}"#,
                r#"Path("/sys/devices/pci0000:00/x")"#,
            ),
            (r#"{"pciBusID": "0000:03:02.1"}"#, r#"Bus("0000:03:02.1")"#),
            (
                r#"{"pciBusID": "0000:03:02.1", "runtimeConfig": {"deviceID": "0000:03:02.2"}}"#,
                r#"Bus("0000:03:02.2")"#,
            ),
            (r#"{"device": "", "runtimeConfig": {"deviceID": "virtio0"}}"#, r#"Bus("virtio0")"#),
        ];
        for (text, device) in rows {
            assert_eq!(read(text).unwrap(), device, "{text}");
        }
    }

    #[test]
    fn what_names_no_device_is_refused() {
        for (text, words) in [
            ("{}", "it needs one of `device`"),
            (r#"{"hwaddr": "0a:58:0a:01:02"}"#, "`hwaddr` must be a hardware address"),
            (r#"{"hwaddr": "0a:58:0a:01:02:0x"}"#, "`hwaddr`"),
            (r#"{"kernelpath": "/sys/class/net/eth0"}"#, "`kernelpath` must be a path below /sys/devices/"),
            (r#"{"kernelpath": "/sys/devices/../class"}"#, "`kernelpath`"),
            (r#"{"pciBusId": "0000:03:02.1"}"#, "`pciBusId` is written `pciBusID`"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
