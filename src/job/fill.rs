//! What comes out where no field lies.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::pixels::SampleType;
use crate::plan::OutputChannel;

/// What the user says, else white for Bgr, as brightfield slides are, and 0 for gray.
pub fn of(options: &Options, channel: &OutputChannel, output: SampleType) -> f32 {
    let default: f32 = match (channel.pixel_type.samples(), channel.pixel_type.sample_type()) {
        (1, _) => 0.0,
        (_, SampleType::U8) => 255.0,
        (_, SampleType::U16) => 65535.0,
        (_, SampleType::F32) => 1.0,
    };
    options.fill.unwrap_or(default.min(largest(output)))
}

fn largest(output: SampleType) -> f32 {
    match output {
        SampleType::U8 => 255.0,
        SampleType::U16 => 65535.0,
        SampleType::F32 => f32::MAX,
    }
}

/// # Errors
/// `Option` when the output cannot hold it.
pub fn check(fill: f32, output: SampleType) -> Result<()> {
    if output == SampleType::F32 {
        return Ok(());
    }
    let most = largest(output);
    if fill.fract() != 0.0 || !(0.0..=most).contains(&fill) {
        return Err(Error::option(
            "--fill",
            format!("{fill} is not a whole number from 0 to {most}, as the output holds"),
        ));
    }
    Ok(())
}
