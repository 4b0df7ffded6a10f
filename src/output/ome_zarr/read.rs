//! Reads an image of ours back, plane by plane: what the demo and tests compare.

use std::path::Path;
use std::sync::Arc;

use zarrs::array::{Array, ArraySubset, data_type};
use zarrs::filesystem::FilesystemStore;

use crate::error::{Error, Result};
use crate::space::Tczyx;

/// The shape of level 0 of the image at the root of `folder`, and its plane of channel `c` at t 0, z 0, `[y, x]`.
///
/// # Errors
/// `Format` when it is not an OME-Zarr as this program writes them.
pub fn read_plane(folder: &Path, c: u64) -> Result<(Tczyx<u64>, Vec<f32>)> {
    let broken = |what: String| Error::format(folder, what, None);
    let store = Arc::new(FilesystemStore::new(folder).map_err(|error| broken(error.to_string()))?);
    let array = Array::open(store, "/0").map_err(|error| broken(error.to_string()))?;
    let &[t, channels, z, y, x] = array.shape() else {
        return Err(broken(format!("{} axes; an OME-Zarr image has 5 here", array.shape().len())));
    };
    let subset = ArraySubset::new_with_ranges(&[0..1, c..c + 1, 0..1, 0..y, 0..x]);
    let failed = |error: zarrs::array::ArrayError| broken(error.to_string());
    let stored = array.data_type();
    let pixels = if *stored == data_type::uint8() {
        array.retrieve_array_subset::<Vec<u8>>(&subset).map_err(failed)?.into_iter().map(f32::from).collect()
    } else if *stored == data_type::uint16() {
        array.retrieve_array_subset::<Vec<u16>>(&subset).map_err(failed)?.into_iter().map(f32::from).collect()
    } else {
        array.retrieve_array_subset::<Vec<f32>>(&subset).map_err(failed)?
    };
    Ok((Tczyx::new(t, channels, z, y, x), pixels))
}
