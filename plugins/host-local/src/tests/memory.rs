//! A store in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use multus_guest_cni::host::Answer;
use serde_json::Value;

use crate::store::{Store, Transaction};

const US: &str = "c1";

/// Claims and notes of the one network, and what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    content: Rc<RefCell<BTreeMap<String, String>>>,
    dead: Vec<String>,
    asked: RefCell<Option<(Option<String>, String)>>,
}

impl Memory {
    pub(crate) fn of(case: &Value) -> Self {
        let content = case["store"].as_object().into_iter().flatten();
        let content = content.map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned()));
        let dead =
            case["dead"].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned());
        Self {
            content: Rc::new(RefCell::new(content.collect())),
            dead: dead.collect(),
            asked: RefCell::default(),
        }
    }

    pub(crate) fn content(&self) -> BTreeMap<String, String> {
        self.content.borrow().clone()
    }

    /// The directory and the network.
    pub(crate) fn asked(&self) -> Option<(Option<String>, String)> {
        self.asked.borrow().clone()
    }
}

pub(crate) struct Open {
    content: Rc<RefCell<BTreeMap<String, String>>>,
    dead: Vec<String>,
}

impl Store for Memory {
    type Transaction = Open;

    fn begin(&self, directory: Option<&str>, network: &str) -> Answer<Open> {
        *self.asked.borrow_mut() = Some((directory.map(str::to_owned), network.to_owned()));
        Ok(Open { content: self.content.clone(), dead: self.dead.clone() })
    }
}

impl Open {
    fn keys(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let content = self.content.borrow();
        let claims = content.iter().filter(|(key, holder)| !key.starts_with("last_") && wanted(holder));
        claims.map(|(key, _)| key.clone()).collect()
    }
}

impl Transaction for Open {
    fn claimed(&self) -> Answer<Vec<String>> {
        Ok(self.keys(|_| true))
    }

    fn owned(&self) -> Answer<Vec<String>> {
        Ok(self.keys(|holder| holder == US))
    }

    fn claim(&self, key: &str) -> Answer<bool> {
        let mut content = self.content.borrow_mut();
        let free = !content.contains_key(key);
        if free {
            content.insert(key.to_owned(), US.to_owned());
        }
        Ok(free)
    }

    fn reclaim(&self) -> Answer<u32> {
        let dead = self.keys(|holder| self.dead.iter().any(|dead| dead == holder));
        dead.iter().for_each(|key| drop(self.content.borrow_mut().remove(key)));
        Ok(u32::try_from(dead.len()).unwrap())
    }

    fn note(&self, name: &str) -> Answer<Option<String>> {
        Ok(self.content.borrow().get(name).cloned())
    }

    fn set_note(&self, name: &str, value: &str) -> Answer<()> {
        self.content.borrow_mut().insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}
