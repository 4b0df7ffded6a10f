//! The program as its users start it: arguments in, files, streams and exit code out.
//!
//! Inputs are made here with the library's CZI writer; what the program should make of them is computed here too, by
//! other code: naive painting, sums and means. The processor computes, so no device is needed.
//!
//! Exit codes: 0 done, 1 failed (the file, the disk, a limit), 2 wrong usage (a flag), 3 done without damaged parts, 130 and 143
//! ended by a signal.

mod axes;
mod bad_files;
mod bad_flags;
mod bad_psfs;
mod bench;
mod bytes;
mod conversion;
mod czi_kinds;
mod damage;
mod deconvolution;
mod deep;
#[cfg(target_os = "linux")]
mod faults;
mod flatfield;
mod gone;
#[cfg(unix)]
mod holes;
#[cfg(target_os = "linux")]
mod hostile;
mod memory;
pub mod mosaic;
mod neutral;
mod ngff;
mod ome_tiff;
mod optics;
mod output;
mod program;
#[cfg(unix)]
mod race;
#[cfg(feature = "cloud")]
mod remote;
mod report;
#[cfg(unix)]
mod resume;
#[cfg(unix)]
mod resume_zarr;
mod scenes;
mod seeing;
#[cfg(feature = "cloud")]
mod server;
mod several;
mod showing;
#[cfg(unix)]
mod stalled;
mod streams;
mod target;
mod tiff_file;
mod until;
mod written;
mod zarr_2;
