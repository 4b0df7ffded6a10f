//! The type of the output's samples.

use crate::options::{Options, OutputType};
use crate::pixels::SampleType;
use crate::plan::{OutputChannel, widest_type};

/// The type that was asked for, else that of the channels, which is said where it is not plain.
pub fn of(options: &Options, channels: &[OutputChannel], notes: &mut Vec<String>) -> SampleType {
    let (widest, differ) = widest_type(channels);
    match options.output_type {
        OutputType::U8 => SampleType::U8,
        OutputType::U16 => SampleType::U16,
        OutputType::F32 => SampleType::F32,
        OutputType::Auto if options.iterations > 0 && widest == SampleType::U8 => {
            // Light that is gathered in fewer pixels does not fit 8 bits.
            let brighter = "what is restored from u8 is written as u16, since it is brighter (--output-type)";
            notes.push(brighter.to_owned());
            SampleType::U16
        }
        OutputType::Auto | OutputType::Same => {
            if differ {
                notes.push(format!("channels differ in type; all are written as {}", name_of(widest)));
            }
            widest
        }
    }
}

/// As flags and messages call it.
fn name_of(sample: SampleType) -> &'static str {
    match sample {
        SampleType::U8 => "u8",
        SampleType::U16 => "u16",
        SampleType::F32 => "f32",
    }
}
