//! From the bytes of a table to its text, with advice where it is not text at all.

use std::path::Path;

use crate::{Code, Error, Place, Result};

/// The text without a byte order mark, and with `\n` for every kind of line end.
pub(super) fn text(file: &Path, bytes: &[u8]) -> Result<String> {
    let foreign = |what: &str, help: &str| {
        Err(Error::new(
            Code::BadTable,
            format!("tab-separated text was expected, {what} was found"),
        )
        .at(Place::File(file.into()))
        .help(help))
    };
    if bytes.starts_with(b"PK\x03\x04") {
        return foreign("a spreadsheet or zip file", "export the sheet as tab-separated text");
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return foreign("text in UTF-16", "save the table as UTF-8");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.replace("\r\n", "\n").replace('\r', "\n")),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let row = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Err(Error::new(Code::BadTable, "the row holds bytes that are not UTF-8 text")
                .at(Place::Row { file: file.into(), row, column: None })
                .help("save the table as UTF-8"))
        }
    }
}
