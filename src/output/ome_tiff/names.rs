//! What files of this format are called.

use std::path::{Path, PathBuf};

/// What names end with that mean a TIFF, longest first.
const ENDINGS: [&str; 10] =
    [".ome.tiff", ".ome.tif", ".ome.btf", ".ome.tf8", ".ome.tf2", ".tiff", ".tif", ".btf", ".tf8", ".tf2"];

/// The length of the ending that makes `name` that of a TIFF.
fn ending(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    ENDINGS.into_iter().find(|ending| name.ends_with(ending)).map(str::len)
}

/// Whether the name of `path` is that of a TIFF.
pub(in crate::output) fn is_tiff_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| ending(&name.to_string_lossy()).is_some())
}

/// The files for `scenes`, as the input counts them: `path` alone for one, `NAME_S00.ome.tif` and so on for several.
pub(in crate::output) fn of_scenes(path: &Path, scenes: &[u32]) -> Vec<PathBuf> {
    if scenes.len() == 1 {
        return vec![path.to_owned()];
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = name.split_at(name.len() - ending(&name).unwrap_or(0));
    scenes.iter().map(|scene| path.with_file_name(format!("{stem}_S{scene:02}{ending}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scene_stands_before_what_says_the_kind() {
        let of = |path: &str| of_scenes(Path::new(path), &[0, 7, 123]);
        let paths = |names: [&str; 3]| names.map(PathBuf::from).to_vec();
        assert_eq!(of("a/b.ome.tif"), paths(["a/b_S00.ome.tif", "a/b_S07.ome.tif", "a/b_S123.ome.tif"]));
        assert_eq!(of("B.OME.TIFF"), paths(["B_S00.OME.TIFF", "B_S07.OME.TIFF", "B_S123.OME.TIFF"]));
        assert_eq!(of("b.c"), paths(["b.c_S00", "b.c_S07", "b.c_S123"]));
        assert_eq!(of_scenes(Path::new("b.tif"), &[5]), [PathBuf::from("b.tif")]);
    }

    #[test]
    fn names_of_tiffs_are_known() {
        for name in ["a.tif", "a.ome.tiff", "A.OME.TIF", "x/a.b.tf8"] {
            assert!(is_tiff_name(Path::new(name)), "{name}");
        }
        for name in ["a.ome.zarr", "tif", "a.tif/b", "a.tif.zarr"] {
            assert!(!is_tiff_name(Path::new(name)), "{name}");
        }
    }
}
