//! Every kernel in one dispatch against its twin, the transforms against sums in f64, and whole runs of the graphics
//! device's backend against the processor's and against naive sums in f64.
//!
//! Runs on the first Vulkan device, of any kind. Without one every test fails and says what to install.

mod acceleration;
mod balance;
mod bench;
mod conversion;
mod deconvolution;
mod fourier;
mod half;
mod lines;
mod pixels;
mod reference;
mod stored;
