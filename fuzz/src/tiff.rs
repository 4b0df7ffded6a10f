//! Any bytes as a TIFF: opened, and every page decoded.

use std::io::Write;
use std::path::Path;

use decon_gpu::dataset::Input;
use decon_gpu::error::Result;
use decon_gpu::source::ReadAt;
use decon_gpu::tiff::{TiffStack, read_volume};

use crate::whole_file::MEMORY;

/// A file in memory.
struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    /// All or nothing: the reader of TIFF asks for nothing beyond `size`.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).expect("an offset within the file");
        buffer.copy_from_slice(&self.0[start..][..buffer.len()]);
        Ok(())
    }

    fn path(&self) -> &Path {
        Path::new("fuzzed")
    }
}

/// As an image, and as the volume of a PSF, which may have other types.
pub fn use_tiff(data: &[u8]) {
    read_pages(data);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(data).expect("room for it");
    if let Ok(volume) = read_volume(file.path()) {
        let voxels =
            [volume.shape.z, volume.shape.y, volume.shape.x].into_iter().map(u64::from).product::<u64>();
        assert_eq!(volume.data.len() as u64, voxels, "all voxels, or an error");
    }
}

fn read_pages(data: &[u8]) {
    let source = Box::new(Bytes(data.to_vec()));
    let Ok(stack) = TiffStack::from_source(source, None, &|_| Ok(None)) else { return };
    for scene in &stack.dataset().scenes {
        for (i, subblock) in scene.fields.iter().enumerate() {
            if subblock.decoded_bytes() > MEMORY {
                continue;
            }
            let Ok(raw) = stack.read(scene, &[i]) else { continue };
            for raw in raw {
                if let Ok(samples) = stack.decode(subblock, &raw) {
                    assert_eq!(
                        samples.as_bytes().len() as u64,
                        subblock.decoded_bytes(),
                        "all pixels, or an error"
                    );
                }
            }
        }
    }
}
