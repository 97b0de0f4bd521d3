//! The messages of `v1.PodResourcesLister`, as far as they are about devices. Members that are left out here
//! are skipped when a message is read.

use crate::devices::Device;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) pod_resources: Vec<PodResources>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetRequest {
    #[prost(string, tag = "1")]
    pub(super) pod_name: String,
    #[prost(string, tag = "2")]
    pub(super) pod_namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) pod_resources: Option<PodResources>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PodResources {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(message, repeated, tag = "3")]
    containers: Vec<ContainerResources>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ContainerResources {
    #[prost(message, repeated, tag = "2")]
    devices: Vec<ContainerDevices>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ContainerDevices {
    #[prost(string, tag = "1")]
    resource_name: String,
    #[prost(string, repeated, tag = "2")]
    device_ids: Vec<String>,
}

impl PodResources {
    /// In the order of the answer.
    pub(super) fn devices(self) -> Vec<Device> {
        let devices = self.containers.into_iter().flat_map(|container| container.devices);
        let named = devices.flat_map(|ContainerDevices { resource_name, device_ids }| {
            device_ids.into_iter().map(move |id| Device { resource: resource_name.clone(), id })
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    /// One field of a message: its tag, and bytes of a length.
    fn field(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
    }

    #[test]
    fn a_message_as_a_kubelet_sends_it_is_read() {
        let device = |resource: &[u8], id: &[u8]| {
            // The topology of a device, which is of no use here.
            let topology = field(3, &field(1, &[8, 1]));
            field(2, &[field(1, resource), field(2, id), topology].concat())
        };
        let cpus = field(3, &[2, 3]);
        let first = field(3, &[field(1, b"app"), device(b"a/x", b"1"), device(b"a/y", b"7"), cpus].concat());
        let second = field(3, &[field(1, b"log"), device(b"a/x", b"0")].concat());
        let pod = [field(1, b"web"), field(2, b"shop"), first, second].concat();
        let found = GetResponse::decode(field(1, &pod).as_slice()).unwrap().pod_resources.unwrap();
        assert_eq!((found.name.as_str(), found.namespace.as_str()), ("web", "shop"));
        let devices: Vec<_> =
            found.devices().into_iter().map(|d| format!("{}={}", d.resource, d.id)).collect();
        assert_eq!(devices, ["a/x=1", "a/y=7", "a/x=0"]);
    }

    #[test]
    fn the_question_names_the_pod() {
        let question = GetRequest { pod_name: "web".into(), pod_namespace: "shop".into() };
        assert_eq!(question.encode_to_vec(), [field(1, b"web"), field(2, b"shop")].concat());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = ListResponse::decode(bytes.as_slice());
            let _ = GetResponse::decode(bytes.as_slice());
        }
    }
}
