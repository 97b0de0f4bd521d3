//! The honest half.

use serde_json::{Map, Value, json};

use crate::{Conf, Failure, lease, link, variable};

const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

pub(crate) fn run(conf: &Conf, verb: &str) -> Result<Option<String>, Failure> {
    if verb == "DEL" && conf.link {
        link::remove();
    }
    let leases = conf.recording.as_ref().map(|recording| recording.leases.as_path());
    match (verb, leases) {
        ("ADD", leases) => {
            leases.map_or(Ok(()), |folder| lease::take(folder, &conf.name))?;
            if conf.link {
                link::make()?;
            }
            return Ok(Some(result(conf).to_string()));
        }
        ("VERSION", _) => {
            let answer = json!({ "cniVersion": conf.cni_version, "supportedVersions": VERSIONS });
            return Ok(Some(answer.to_string()));
        }
        ("CHECK", _) if conf.prev_result.is_none() => {
            return Err(Failure::new(7, "CHECK without prevResult"));
        }
        ("CHECK", Some(folder)) if !lease::is_held(folder, &conf.name) => {
            return Err(Failure::new(101, format!("{} holds no lease", variable("CNI_CONTAINERID"))));
        }
        ("DEL", Some(folder)) => lease::give_back(folder, &conf.name)?,
        ("GC", Some(folder)) => lease::keep_only(folder, &conf.name, &conf.valid)?,
        ("DEL" | "CHECK" | "GC" | "STATUS", _) => {}
        (other, _) => return Err(Failure::new(4, format!("unknown CNI_COMMAND {other:?}"))),
    }
    Ok(None)
}

/// The conf's own result, or what an earlier plugin of the chain returned, or one interface with one address.
fn result(conf: &Conf) -> Value {
    if let Some(result) = conf.result.as_ref().or(conf.prev_result.as_ref()) {
        return result.clone();
    }
    let address = conf.address.as_deref().unwrap_or("192.0.2.1/24");
    let version = conf.cni_version.as_str();
    if matches!(version, "" | "0.1.0" | "0.2.0") {
        return json!({ "cniVersion": version, "ip4": { "ip": address } });
    }
    let mut ip = Map::from_iter([("address".to_owned(), json!(address))]);
    if version.starts_with('0') {
        ip.insert("version".into(), json!(if address.contains(':') { "6" } else { "4" }));
    }
    if !conf.link {
        return json!({ "cniVersion": version, "ips": [ip] });
    }
    ip.insert("interface".into(), json!(0));
    let interface = json!({ "name": variable("CNI_IFNAME"), "sandbox": variable("CNI_NETNS") });
    json!({ "cniVersion": version, "interfaces": [interface], "ips": [ip] })
}
