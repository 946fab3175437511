//! Making tables of the type `cdb`.

use std::io::BufRead;

use cdb_file::{CdbBuilder, Keep, TextReader};

use super::{SUFFIX, TEMPORARY, plain};
use crate::formats::tools::{ToolResult, refused};
use crate::options::Duplicates;
use crate::write::commit::Way;
use crate::write::{LoadOptions, Loaded, WriteFormat};

pub(super) static FORMAT: WriteFormat = WriteFormat {
    terminated: false,
    way: Way::Rename { suffix: TEMPORARY },
    plan: |entries, options| {
        let keep = match options.duplicates {
            Duplicates::Warn | Duplicates::Refuse => Keep::First,
            Duplicates::Ignore => Keep::All,
            Duplicates::Replace => Keep::Last,
        };
        Ok(Box::new(CdbBuilder::of(entries).plan(keep)?))
    },
    update: None,
    called: |file| {
        let file = file.as_os_str().as_encoded_bytes();
        file.strip_suffix(SUFFIX.as_bytes()).unwrap_or(file).to_vec()
    },
    load: |text, options, _| load(text, options),
};

/// As `cdb -c`, which keeps all values of a key, or the first.
fn load(text: &mut dyn BufRead, options: &LoadOptions<'_>) -> ToolResult<Loaded> {
    if options.plain {
        return Err(refused("texts of cdb files have but one form"));
    }
    if options.database.is_some() {
        return Err(refused("databases in cdb files have no names"));
    }
    let mut builder = CdbBuilder::new();
    let mut reader = TextReader::new(text);
    while let Some((key, value)) = reader.next_record().map_err(plain)? {
        builder.push(key, value).map_err(plain)?;
    }
    let keep = if options.keep_first { Keep::First } else { Keep::All };
    let plan = builder.plan(keep).map_err(plain)?;
    let left_out = plan.dropped().map(|(_, key)| key.to_vec()).collect();
    Ok(Loaded { contents: Box::new(plan), left_out })
}
