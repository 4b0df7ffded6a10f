//! Writes small CZI files into a folder, for the corpus of `whole_file`: made_files FOLDER

use std::path::Path;

fn main() -> decon_gpu::error::Result<()> {
    let folder = std::env::args_os().nth(1).expect("the folder for them");
    decon_gpu_fuzz::made::write(Path::new(&folder)).map(drop)
}
