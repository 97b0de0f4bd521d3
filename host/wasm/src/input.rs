//! What a transform reads: the files that the catalog declares for it, read here and handed over as text.

use std::borrow::Cow;
use std::path::PathBuf;

use multus_document::Object;
use serde_json::{Map, Value, json};

use crate::attachment::Attachment;
use crate::catalog::Module;
use crate::error::Fault;
use crate::trusted;

/// The attachment with the module's inputs in its context, and the files that were read for that.
///
/// Each input is `{"file": "/run/…", "text": "…"}`. The text of a file that is not there is `null`: only the module knows
/// who writes it and whether to wait for that.
pub(crate) fn hand_over<'a>(
    module: &Module,
    attachment: &'a Attachment,
    plugin: &Object,
) -> Result<(Cow<'a, Attachment>, Vec<PathBuf>), Fault> {
    if module.inputs.is_empty() {
        return Ok((Cow::Borrowed(attachment), Vec::new()));
    }
    let (mut inputs, mut files) = (Map::new(), Vec::new());
    for (name, input) in &module.inputs {
        let file = input.choose(name, plugin)?;
        let text =
            trusted::read_input(&file).map_err(|source| Fault::Input { input: name.clone(), source })?;
        let handed = json!({ "file": file, "text": text });
        files.extend(text.map(|_| file));
        inputs.insert(name.clone(), handed);
    }
    Ok((Cow::Owned(attachment.with_inputs(Value::Object(inputs))), files))
}
