//! The messages of the kubelet's API `podresources/v1`, as its proto file numbers them.

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
    pub(super) containers: Vec<ContainerResources>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerResources {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) devices: Vec<ContainerDevices>,
    #[prost(int64, repeated, tag = "3")]
    pub(super) cpu_ids: Vec<i64>,
    #[prost(message, repeated, tag = "4")]
    pub(super) memory: Vec<ContainerMemory>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerMemory {
    #[prost(string, tag = "1")]
    memory_type: String,
    #[prost(uint64, tag = "2")]
    size: u64,
    #[prost(message, optional, tag = "3")]
    topology: Option<TopologyInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerDevices {
    #[prost(string, tag = "1")]
    resource_name: String,
    #[prost(string, repeated, tag = "2")]
    device_ids: Vec<String>,
    #[prost(message, optional, tag = "3")]
    topology: Option<TopologyInfo>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TopologyInfo {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<NumaNode>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NumaNode {
    #[prost(int64, tag = "1")]
    id: i64,
}

/// One device, as the kubelet tells of it: each alone, with the NUMA node that it belongs to.
pub(super) fn device(resource: &str, id: &str, nodes: &[i64]) -> ContainerDevices {
    ContainerDevices {
        resource_name: resource.to_owned(),
        device_ids: vec![id.to_owned()],
        topology: Some(TopologyInfo { nodes: nodes.iter().map(|&id| NumaNode { id }).collect() }),
    }
}
