//! What stands in other files of the folder: OME-XML, the index of an NDTiff.

use std::path::Path;

use tiff::tags::Tag;

use super::header::Header;
use super::ifd::Tags;
use super::ndtiff::{self, NdTiff};
use super::ome;
use crate::error::{Error, Result};
use crate::source::{FileSource, Joined, ReadAt};

/// Opens a file by its name, in the folder of the one that was named; `None` when it is not there.
pub type Beside<'a> = &'a dyn Fn(&str) -> Result<Option<Box<dyn ReadAt>>>;

/// A text that describes images; of a million planes it has 200 MiB.
const LONGEST_TEXT: u64 = 1 << 28;

/// Files in the folder of `path`.
pub(super) fn beside_path(path: &Path) -> impl Fn(&str) -> Result<Option<Box<dyn ReadAt>>> {
    move |name| match FileSource::open(path.with_file_name(name)) {
        Ok(source) => Ok(Some(Box::new(source))),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Adds to `header` what stands beside the file; what was read is put into `files`, so that their identity holds it.
///
/// # Errors
/// `Io`; `Format` for an OME-XML of impossible length.
pub(super) fn complete(header: &mut Header, files: &mut Joined, beside: Beside<'_>) -> Result<()> {
    if ndtiff::is_ndtiff(files.file(0))? {
        let index = beside(ndtiff::INDEX)?;
        let bytes = index.as_deref().map(whole).transpose()?.unwrap_or_default();
        header.ndtiff = Some(NdTiff::read(files.file(0), &bytes)?);
        index.into_iter().for_each(|index| {
            files.push(index);
        });
    }
    for text in &mut header.descriptions {
        let Some(told) = ome::told_elsewhere(text) else { continue };
        if let Some(companion) = beside(&told.file)?
            && let Some(xml) = ome_xml(&*companion)?
        {
            *text = xml;
            header.own_uuid = told.own_uuid;
            files.push(companion);
        }
    }
    Ok(())
}

/// The OME-XML that `source` is, or that the first page of it has.
fn ome_xml(source: &dyn ReadAt) -> Result<Option<String>> {
    if let Ok(mut tags) = Tags::open(source) {
        let directories = tags.directories()?;
        let texts = tags.texts(&directories[0], Tag::ImageDescription)?;
        return Ok(texts.into_iter().find(|text| ome::is_ome(text)));
    }
    Ok(Some(String::from_utf8_lossy(&whole(source)?).into_owned()).filter(|text| ome::is_ome(text)))
}

fn whole(source: &dyn ReadAt) -> Result<Vec<u8>> {
    if source.size() > LONGEST_TEXT {
        let what = format!("{} bytes, where a description of images should be", source.size());
        return Err(Error::format(source.path(), what, None));
    }
    let mut bytes = vec![0; source.size() as usize];
    source.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}
