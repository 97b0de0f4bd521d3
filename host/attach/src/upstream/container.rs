//! Whose files are read, and what their plugins are told of the container.

use std::borrow::Cow;

use multus_cni::cache::CacheEntry;
use multus_cni::{Code, Error};
use multus_journal::{CallKey, Record};

use crate::call::Call;

/// A container whose attachments only files of upstream and of libcni tell.
pub(crate) struct Container {
    pub(crate) key: CallKey,
    known: Option<Known>,
}

/// What is known beside the files.
struct Known {
    /// CNI_ARGS.
    args: String,
    /// Where its namespace is, empty if it is gone; or why that can't be told.
    netns: Result<String, Error>,
}

impl Container {
    /// The one that the runtime asks about.
    pub(crate) fn asked(call: &Call<'_>) -> Self {
        let netns = call.find_netns(call.netns_path(), None).map_err(|error| out_of_reach(&error));
        Self { key: call.key(), known: Some(Known { args: call.request.raw_args.clone(), netns }) }
    }

    /// The one that a record is about, which may be another than the runtime asks about. Of one whose first line is lost
    /// libcni's cache has to tell.
    pub(crate) fn recorded(call: &Call<'_>, record: &Record) -> Self {
        let Some(recorded) = &record.call else {
            return if record.key == call.key() {
                Self::asked(call)
            } else {
                Self { key: record.key.clone(), known: None }
            };
        };
        let netns = call.namespace_of(recorded).map_err(|error| out_of_reach(&error));
        Self { key: record.key.clone(), known: Some(Known { args: recorded.args.clone(), netns }) }
    }

    /// CNI_ARGS of one of its attachments.
    pub(super) fn args(&self, entry: Option<&CacheEntry>) -> Cow<'_, str> {
        match &self.known {
            Some(known) => known.args.as_str().into(),
            None => {
                let pairs = entry.map(|entry| entry.args.as_slice()).unwrap_or_default();
                let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
                pairs.join(";").into()
            }
        }
    }

    /// CNI_NETNS of one of its attachments, empty where it is gone.
    ///
    /// # Errors
    /// Code 5: it can't be told whether it is. A binary that is told of none gives back addresses that links in it may
    /// still have.
    pub(super) fn netns(&self, call: &Call<'_>, entry: Option<&CacheEntry>) -> Result<String, Error> {
        match (&self.known, entry) {
            (Some(known), _) => known.netns.clone(),
            (None, Some(entry)) => call.find_netns(&entry.netns, None).map_err(|error| out_of_reach(&error)),
            (None, None) => Ok(String::new()),
        }
    }
}

fn out_of_reach(error: &multus_net::NetnsError) -> Error {
    Error::new(Code::Io, format!("the pod's namespace is out of reach: {error}"))
}
