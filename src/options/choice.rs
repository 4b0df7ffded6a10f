//! Choices among a few words.

use clap::ValueEnum;
use serde::Serialize;

/// Whether the stored pyramid is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PyramidUse {
    /// A level of the stored pyramid where it holds exactly what is needed, else the fields.
    Auto,
    /// The fields.
    Never,
}

/// Whether pixels that a valid-pixel mask leaves out are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MaskUse {
    /// These pixels are not painted.
    Honour,
    /// These pixels are painted.
    Ignore,
}

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// A hardware GPU where there is one and something to deconvolve, else the CPU.
    Auto,
    /// A GPU, hardware or (when named by --device) software.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Type of the output's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OutputType {
    /// As `same`, but u16 for what is deconvolved from u8.
    Auto,
    /// The type of the input; the widest where channels differ.
    Same,
    /// 8 bits, rounded and clamped.
    U8,
    /// 16 bits, rounded and clamped.
    U16,
    /// 32-bit floats.
    F32,
}
