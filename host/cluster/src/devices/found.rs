//! Devices in the order in which they are handed out.

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The resource that it is one of, as the pod requests it.
    pub resource: String,
    /// Its name within the resource, such as a PCI address.
    pub id: String,
}

/// The devices of one pod: container by container, each container's in the order of who allocated them.
/// No device stands twice in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    list: Vec<Device>,
    /// Who was asked, for people.
    places: Vec<String>,
    /// Devices that could not be used, one sentence each.
    notes: Vec<String>,
}

impl Devices {
    /// What `place` knows of.
    pub fn new(place: String, found: impl IntoIterator<Item = Device>) -> Self {
        let mut devices = Self { places: vec![place], ..Self::default() };
        found.into_iter().for_each(|device| devices.add(device));
        devices
    }

    /// Adds a device, unless it is there: the kubelet tells of a device once for each NUMA node that it
    /// belongs to.
    pub fn add(&mut self, device: Device) {
        if !self.list.contains(&device) {
            self.list.push(device);
        }
    }

    pub(super) fn also_asked(&mut self, place: String) {
        self.places.push(place);
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The devices of one resource.
    pub fn of<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a str> {
        self.list.iter().filter(move |device| device.resource == resource).map(|device| device.id.as_str())
    }

    /// The resources, in the order of their first devices.
    pub fn resources(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for device in &self.list {
            if !names.contains(&device.resource.as_str()) {
                names.push(&device.resource);
            }
        }
        names
    }

    /// Who was asked, and what was passed over, for an error's text.
    pub fn account(&self) -> String {
        let asked = format!("asked: {}", self.places.join(", "));
        if self.notes.is_empty() { asked } else { format!("{asked}; {}", self.notes.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(resource: &str, id: &str) -> Device {
        Device { resource: resource.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn a_device_of_two_numa_nodes_is_one_device() {
        let found = [device("a/x", "1"), device("a/y", "1"), device("a/x", "0"), device("a/x", "1")];
        let devices = Devices::new("the kubelet".to_owned(), found);
        assert_eq!(devices.of("a/x").collect::<Vec<_>>(), ["1", "0"], "the order is kept");
        assert_eq!(devices.of("a/y").collect::<Vec<_>>(), ["1"], "another resource's device is another one");
        assert_eq!(devices.of("a/z").count(), 0);
        assert_eq!(devices.resources(), ["a/x", "a/y"]);
    }

    #[test]
    fn the_account_names_everyone_who_was_asked() {
        let mut devices = Devices::new("the kubelet at /k.sock".to_owned(), []);
        assert_eq!(devices.account(), "asked: the kubelet at /k.sock");
        devices.also_asked("claim shop/vf".to_owned());
        devices.note("device vf-1 is left out".to_owned());
        assert_eq!(
            devices.account(),
            "asked: the kubelet at /k.sock, claim shop/vf; device vf-1 is left out"
        );
    }
}
