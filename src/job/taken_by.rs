//! How the image was taken: whether the model of a computed PSF is that of this microscope, and what is odd about its
//! wavelengths.

use crate::dataset::{Channel, Dataset};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::OutputChannel;
use crate::psf::{Microscope, rounded};

/// Wavelengths that are so near to one another, in nanometres, are the same.
const SAME_WAVELENGTH_NM: f64 = 1.0;
/// What may be done where no model fits.
const WAYS_ON: &str = "give a measured PSF (--psf FILE), insist (--microscope widefield), or only convert \
                       (--iterations 0)";

/// Whether a widefield PSF may be computed for `channel`, of a stack that is deconvolved as a volume or of planes; returns
/// sentences for the user.
///
/// # Errors
/// `Option` when the file, or the user, says that it was taken otherwise.
pub(super) fn check_widefield(
    options: &Options,
    dataset: &Dataset,
    channel: &OutputChannel,
    is_volume: bool,
) -> Result<Vec<String>> {
    let who = format!("channel {} ({})", channel.source, channel.name);
    let refused = |what: String| {
        Error::option("--psf", format!("{what}; the model is that of a widefield microscope: {WAYS_ON}"))
    };
    match options.microscope {
        Some(Microscope::Widefield) => return Ok(Vec::new()),
        Some(other) => return Err(refused(format!("there is no model of a PSF for {other} (--microscope)"))),
        None => {}
    }
    let mode = dataset.channels[channel.source as usize].acquisition_mode.as_deref();
    let known = mode.and_then(Microscope::called);
    if let (Some(mode), Some(microscope)) = (mode, known)
        && microscope != Microscope::Widefield
    {
        return Err(refused(format!("{who} is {microscope}, as the file says ({mode})")));
    }
    if let (Some(shear), true) = (&dataset.optics.z_axis_shear, is_volume) {
        return Err(refused(format!("the planes are sheared, as the file says (ZAxisShear {shear})")));
    }
    let unknown = mode.filter(|mode| known.is_none() && !mode.eq_ignore_ascii_case("other"));
    let note =
        |mode| format!("the file says that it was taken by {mode}, which is not known: taken for widefield");
    Ok(unknown.map(note).into_iter().collect())
}

/// What is said of a measured PSF for a stack of sheared planes.
pub(super) fn shear_note(dataset: &Dataset, is_volume: bool) -> Option<String> {
    let shear = dataset.optics.z_axis_shear.as_ref().filter(|_| is_volume)?;
    Some(format!("the planes are sheared ({shear}): so must those of the PSF be"))
}

/// What is said where the file gives for the emission of `channel` the wavelength of an excitation, its own or another's: the
/// nominal number of a filter, or a mistake.
pub(super) fn emission_note(dataset: &Dataset, channel: &OutputChannel) -> Option<String> {
    let emission_nm = channel.emission_nm?;
    let is_same = |channel: &Channel| {
        channel.excitation_nm.is_some_and(|nm| (nm - emission_nm).abs() <= SAME_WAVELENGTH_NM)
    };
    let own = channel.source as usize;
    let others = (0..dataset.channels.len()).filter(|&other| other != own);
    let of = std::iter::once(own).chain(others).find(|&other| is_same(&dataset.channels[other]))?;
    let whose =
        if of == own { "its own excitation".to_owned() } else { format!("the excitation of channel {of}") };
    Some(format!(
        "the emission that the file says, {} nm, is the wavelength of {whose}: --emission-nm {own}=NM gives another",
        rounded(emission_nm, 1)
    ))
}
