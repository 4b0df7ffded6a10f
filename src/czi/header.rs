//! The first segment of a file: where everything else is. Nothing else is known here.

use super::segment::{Record, SEGMENT_HEADER, fetch};
use crate::error::{Error, Result};
use crate::source::ReadAt;

/// Of the header, what is looked at.
const BYTES: u64 = SEGMENT_HEADER + 80;

/// Where in the file the segments are that lead to all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileHeader {
    /// The subblock directory.
    pub directory: Option<u64>,
    /// The XML; `None` where the file has none.
    pub metadata: Option<u64>,
    /// The attachment directory; `None` where the file has none.
    pub attachments: Option<u64>,
    /// Whether the file was left while it was being written.
    pub update_pending: bool,
    /// Of the files that a CZI was split over, which one this is; 0 for the first and for one that was not split.
    pub part: i32,
    /// Whether it says that it is one of several.
    pub is_part: bool,
}

impl FileHeader {
    /// Reads it from the start of the file.
    ///
    /// # Errors
    /// `Format` when this is no CZI file or was never closed.
    pub fn read(source: &dyn ReadAt) -> Result<Self> {
        let path = source.path();
        if source.size() == 0 {
            return Err(Error::format(path, "the file is empty", None));
        }
        let bytes = fetch(source, 0, source.size().min(BYTES), "the file header")?;
        if bytes.len() < 16 || !Record(&bytes).has_id("ZISRAWFILE") {
            let found = bytes[..bytes.len().min(16)].escape_ascii();
            return Err(Error::format(path, format!("not a CZI file: it starts with \"{found}\""), 0));
        }
        if (bytes.len() as u64) < BYTES {
            return Err(Error::format(
                path,
                format!("the file ends within its header, at byte {}", bytes.len()),
                0,
            ));
        }
        let header = Record(&bytes);
        let (primary, own, part) = (header.slice(48, 16), header.slice(64, 16), header.i32(80));
        let is_part = part != 0 || (primary != own && primary.iter().any(|&b| b != 0));
        let position = |at| u64::try_from(header.i64(at)).ok().filter(|&position| position > 0);
        Ok(Self {
            directory: position(84),
            metadata: position(92),
            attachments: position(104),
            update_pending: header.i32(100) != 0,
            part,
            is_part,
        })
    }
}
