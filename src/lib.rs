//! decon-gpu: loads CZI mosaics and TIFF stacks, stitches, downsamples and deconvolves them, and writes OME-Zarr.
//!
//! A whole job, as `decon-gpu run slide.czi -o slide.ome.zarr --iterations 10` does it:
//!
//! ```no_run
//! use decon_gpu::{job::Job, options::Options, output::Target, report::Silent, run::{self, Stop}};
//!
//! let mut options = Options::new("slide.czi");
//! options.iterations = 10;
//! let job = Job::prepare(options)?;
//! let summary = run::run(job, Some(Target::new("slide.ome.zarr")), &Stop::default(), &Silent)?;
//! println!("{} values were clamped", summary.clamped);
//! # Ok::<(), decon_gpu::error::Error>(())
//! ```
//!
//! The rooms, in the order of the data flow:
//!
//! | room | what lives there |
//! |---|---|
//! | [`cli`], [`options`] | subcommands; the options of a job, which are its flags |
//! | [`job`] | the input opened, PSFs found, everything decided |
//! | [`plan`] | tiles, batches, sizes, memory: pure |
//! | [`run`] | the data flow, wired once; [`engine`] is its compute stage |
//! | [`pipeline`], [`timeline`] | stages on threads, bounded channels; what ran when |
//! | [`source`], [`czi`], [`tiff`], [`ngff`] | bytes, and the inputs that they make up; [`dataset`] is what any file holds |
//! | [`psf`] | point spread functions |
//! | [`decon`] | the algorithms over a backend; its CPU and GPU backends; [`deconvolve()`] for an image in memory |
//! | [`kernels`], [`twins`] | each step as a shader's dispatch, and the same step in Rust |
//! | [`gpu`] | adapters, device, buffers |
//! | [`output`] | what is written: levels, shards, the hidden folder; OME-Zarr, OME-TIFF |
//! | [`written`] | files that appear whole, and never in the place of an input |
//! | [`report`], [`info`], [`demo`] | what people see |
//! | [`bench`](mod@bench) | measurements on the user's machine, with the user's file |
//! | [`space`], [`pixels`], [`tile`], [`constants`], [`error`], [`say`], [`shown`], [`secrets`], [`stop`], [`threads`] | words that all rooms share |
//!
//! Conventions: volumes are `[z, y, x]`, x fastest; images on disk `[t, c, z, y, x]`. Rectangles are half open. Lengths
//! are in pixels (`_px`), micrometres (`_um`) or nanometres (`_nm`). The OTF carries the 1/N of a transform and its
//! inverse, so that neither transform scales.

#![deny(unsafe_code)]
#![warn(missing_docs)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod bench;
pub mod cli;
pub mod constants;
pub mod czi;
pub mod dataset;
pub mod decon;
mod deconvolve;
pub mod demo;
pub mod engine;
pub mod error;
pub mod flatfield;
pub mod gpu;
pub mod info;
pub mod job;
pub mod kernels;
pub mod ngff;
pub mod options;
pub mod output;
pub mod pipeline;
pub mod pixels;
pub mod plan;
pub mod psf;
pub mod report;
pub mod run;
pub mod say;
pub mod secrets;
pub mod shown;
pub mod source;
pub mod space;
pub mod stop;
pub mod threads;
pub mod tiff;
pub mod tile;
pub mod timeline;
pub mod twins;
pub mod written;
mod xml;

pub use deconvolve::{Deconvolution, deconvolve};
