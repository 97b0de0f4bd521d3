//! The rows NP-01 … NP-44: every normative statement of the multi-network specification 1.3 of the Network Plumbing
//! Working Group, as it shows in what delegates are called with, in the pod's namespace and in its network-status.
//!
//! Where the specification says that a wrong annotation is ignored, a pod is refused here: it never runs with fewer
//! networks than it asked for. Those rows are checked both ways, since `onInvalidSelection: ignore` keeps the letter.
//! Each row is a test of its own and writes what it found for the table that `cargo xtask test` prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod addresses;
mod annotation;
mod default_network;
mod default_route;
mod definitions;
mod lifecycle;
mod names;
mod ports;
mod restrictions;
mod scene;
mod status;

use multus_tests::{Checks, private};

macro_rules! rows {
    ($($test:ident $id:literal $title:literal $checks:path;)*) => {$(
        #[test]
        fn $test() {
            private(|| {
                let mut row = Checks::default();
                $checks(&mut row);
                assert!(row.close($id, $title), "{}:\n{row}", $id);
            });
        }
    )*};
}

rows! {
    np_01_a_cni_plugin "NP-01" "a CNI plugin, for all operations" lifecycle::every_operation;
    np_02_the_definition "NP-02" "NetworkAttachmentDefinition" definitions::the_object;
    np_03_an_empty_spec "NP-03" "an empty spec names a network of the node" definitions::empty_spec;
    np_04_other_plugins "NP-04" "Spec.Config of plugins that do not delegate" definitions::other_plugins;
    np_05_names "NP-05" "names of objects" names::objects;
    np_06_where_a_config_is "NP-06" "Spec.Config, then files on the node" definitions::order;
    np_07_a_missing_name "NP-07" "a missing JSON name is the object's" definitions::missing_name;
    np_08_two_names "NP-08" "object and JSON may have different names" definitions::two_names;
    np_09_both_formats "NP-09" "both formats of the annotation" annotation::formats;
    np_10_the_comma_form "NP-10" "the comma-delimited format" annotation::comma_form;
    np_11_other_keys "NP-11" "keys of others have a domain" annotation::keys;
    np_12_name "NP-12" "`name` is required" annotation::name;
    np_13_namespace "NP-13" "`namespace` is optional" annotation::namespace;
    np_14_ips "NP-14" "`ips`: at least one address" addresses::ips;
    np_15_ips_in_runtime_config "NP-15" "`ips` in runtimeConfig" addresses::ips_arrive;
    np_16_ips_need_a_capability "NP-16" "`ips` need a plugin with the capability" addresses::ips_capability;
    np_17_mac "NP-17" "`mac`: six bytes" addresses::mac;
    np_18_interface "NP-18" "`interface`: a free name" names::interfaces;
    np_19_cni_args "NP-19" "`cni-args`" addresses::cni_args;
    np_20_port_mappings "NP-20" "`portMappings`" ports::mappings;
    np_21_bandwidth "NP-21" "`bandwidth`" ports::bandwidth;
    np_22_default_route "NP-22" "`default-route`: one element" default_route::one_element;
    np_23_several_gateways "NP-23" "`default-route`: several gateways" default_route::several_gateways;
    np_24_infiniband_guid "NP-24" "`infiniband-guid`: eight bytes" addresses::infiniband_guid;
    np_25_ipam_claim_reference "NP-25" "`ipam-claim-reference`" addresses::ipam_claim;
    np_26_the_same_network_twice "NP-26" "the same network twice" lifecycle::twice;
    np_27_network_status "NP-27" "network-status: a list of maps" status::list;
    np_28_the_first_interface "NP-28" "status of the first interface in the pod" status::first_interface;
    np_29_the_default_entry "NP-29" "an entry of the default network" status::default_entry;
    np_30_status_name "NP-30" "status: `name`" status::name;
    np_31_status_addresses "NP-31" "status: `interface`, `ips`, `mac`" status::addresses;
    np_32_status_default "NP-32" "status: `default` is always there" status::default_flag;
    np_33_status_default_route "NP-33" "status: `default-route`" default_route::told;
    np_34_status_device_info "NP-34" "status: `device-info`" status::device_info;
    np_35_the_default_network "NP-35" "every pod gets the default network, first" default_network::always_first;
    np_36_when_the_conf_is_written "NP-36" "no conf before the default network is ready" default_network::conf;
    np_37_readiness "NP-37" "or wait until it is ready" default_network::readiness;
    np_38_lists "NP-38" "CNI's rules for lists" lifecycle::lists;
    np_39_a_failure_ends_it "NP-39" "an attachment that fails ends the setup" lifecycle::failed_add;
    np_40_teardown "NP-40" "teardown goes on, and tells" lifecycle::failed_del;
    np_41_one_after_the_other "NP-41" "one attachment after the other" lifecycle::one_at_a_time;
    np_42_restrictions "NP-42" "a network that is not allowed" restrictions::isolation;
    np_43_the_runtimes_arguments "NP-43" "the runtime's runtimeConfig" restrictions::runtime_config;
    np_44_ipam_claims "NP-44" "IPAMClaims" restrictions::ipam_claims;
}
