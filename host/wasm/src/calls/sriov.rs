//! The interface `sriov`: the virtual function of the attachment.

use wasmtime::component::Resource;

use super::Stop;
use crate::bindings::sriov;
use crate::context::Context;
use crate::node::{FunctionId, FunctionSetting, LinkId};

type Function = Resource<FunctionId>;

impl Context {
    fn set_function(&mut self, function: &Function, setting: FunctionSetting<'_>) -> Result<(), Stop> {
        let function = self.held(function)?;
        self.ask(|node| node.set_function(function, setting))
    }
}

impl sriov::Host for Context {
    fn device(&mut self) -> Result<Function, Stop> {
        let function = self.ask(|node| node.function())?;
        Ok(self.hold(function)?)
    }

    fn pick(&mut self, physical: String) -> Result<Function, Stop> {
        let function = self.ask(|node| node.pick_function(&physical))?;
        Ok(self.hold(function)?)
    }
}

impl sriov::HostVirtualFunction for Context {
    fn info(&mut self, function: Function) -> Result<String, Stop> {
        let function = self.held(&function)?;
        self.ask(|node| node.function_info(function))
    }

    fn link(&mut self, function: Function) -> Result<Option<Resource<LinkId>>, Stop> {
        let function = self.held(&function)?;
        let link = self.ask(|node| node.function_link(function))?;
        Ok(link.map(|link| self.hold(link)).transpose()?)
    }

    fn set_mac(&mut self, function: Function, mac: String) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::Mac(&mac))
    }

    fn set_vlan(&mut self, function: Function, id: u16, qos: u8, protocol: String) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::Vlan { id, qos, protocol: &protocol })
    }

    fn set_rate(&mut self, function: Function, min: u32, max: u32) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::Rate { min, max })
    }

    fn set_spoof_check(&mut self, function: Function, on: bool) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::SpoofCheck(on))
    }

    fn set_trust(&mut self, function: Function, on: bool) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::Trust(on))
    }

    fn set_link_state(&mut self, function: Function, state: String) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::LinkState(&state))
    }

    fn set_driver(&mut self, function: Function, driver: String) -> Result<(), Stop> {
        self.set_function(&function, FunctionSetting::Driver(&driver))
    }

    fn drop(&mut self, function: Function) -> wasmtime::Result<()> {
        // It stays the attachment's.
        self.let_go(function)?;
        Ok(())
    }
}
