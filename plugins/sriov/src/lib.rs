//! A delegate: the pod gets a virtual function of a network card (SR-IOV) to itself, set up as the conf says. DEL gives
//! it back as it was.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

multus_guest_cni::delegate!(crate::add::add);
