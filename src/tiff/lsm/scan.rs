//! What an LSM says of the scan: the objective, the light of each channel, its name and colour.
//!
//! Source: "LSM 5/7 file format", ZEISS, "Scan information" and "Channel colors"; identifiers in tifffile
//! (`CZ_LSMINFO_SCANINFO_ATTRIBUTES`).

use crate::dataset::{Channel, Optics};
use crate::tiff::ifd::ByteOrder;

/// Of an entry: what it is, the kind of its value, the bytes of that.
const ENTRY_BYTES: usize = 12;
const TEXT: u32 = 2;
const NUMBER: u32 = 5;
/// What begins a block, or is told of one.
const OBJECTIVE: u32 = 0x1000_0004;
const TRACK: u32 = 0x4000_0000;
const TRACK_ACQUIRES: u32 = 0x4000_0006;
const DETECTION: u32 = 0x7000_0000;
const DETECTION_ACQUIRES: u32 = 0x7000_000b;
const SPECTRUM_START_NM: u32 = 0x7000_0022;
const SPECTRUM_STOP_NM: u32 = 0x7000_0023;
const DYE: u32 = 0x7000_0026;
const ILLUMINATION: u32 = 0x9000_0000;
const WAVELENGTH_NM: u32 = 0x9000_0003;
const ILLUMINATION_ACQUIRES: u32 = 0x9000_0004;

/// What is told of the scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scan {
    pub objective: Option<String>,
    /// In the order of the image's channels, where every track tells its own.
    pub channels: Vec<Channel>,
}

#[derive(Default)]
struct Track {
    is_off: bool,
    detections: Vec<Detection>,
    lights: Vec<Light>,
}

#[derive(Default)]
struct Detection {
    is_off: bool,
    spectrum_nm: [f64; 2],
    dye: String,
}

#[derive(Default)]
struct Light {
    is_off: bool,
    nm: f64,
}

impl Scan {
    /// As far as the entries in `bytes` can be followed.
    pub fn parse(bytes: &[u8], order: ByteOrder) -> Self {
        let (mut scan, mut tracks) = (Self::default(), Vec::<Track>::new());
        for (id, kind, value) in entries(bytes, order) {
            let number = || match (kind, value.len()) {
                (NUMBER, 8) => f64::from_bits(order.number(value)),
                (_, 4) => f64::from(order.number(value) as u32),
                _ => 0.0,
            };
            let text = || if kind == TEXT { text_of(value) } else { String::new() };
            let Some(track) = tracks.last_mut().filter(|_| id != TRACK) else {
                match id {
                    TRACK => tracks.push(Track::default()),
                    OBJECTIVE => scan.objective = Some(text()).filter(|text| !text.is_empty()),
                    _ => {}
                }
                continue;
            };
            match (id, track.detections.last_mut(), track.lights.last_mut()) {
                (TRACK_ACQUIRES, ..) => track.is_off = number() == 0.0,
                (DETECTION, ..) => track.detections.push(Detection::default()),
                (ILLUMINATION, ..) => track.lights.push(Light::default()),
                (DETECTION_ACQUIRES, Some(detection), _) => detection.is_off = number() == 0.0,
                (SPECTRUM_START_NM, Some(detection), _) => detection.spectrum_nm[0] = number(),
                (SPECTRUM_STOP_NM, Some(detection), _) => detection.spectrum_nm[1] = number(),
                (DYE, Some(detection), _) => detection.dye = text(),
                (WAVELENGTH_NM, _, Some(light)) => light.nm = number(),
                (ILLUMINATION_ACQUIRES, _, Some(light)) => light.is_off = number() == 0.0,
                _ => {}
            }
        }
        scan.channels = tracks.iter().filter(|track| !track.is_off).flat_map(Track::channels).collect();
        scan
    }
}

impl Track {
    fn channels(&self) -> impl Iterator<Item = Channel> {
        // Of several lasers in one track nothing tells which a channel is of.
        let mut lit = self.lights.iter().filter(|light| !light.is_off && is_light(light.nm));
        let excitation_nm = lit.next().filter(|_| lit.next().is_none()).map(|light| light.nm);
        self.detections.iter().filter(|detection| !detection.is_off).map(move |detection| {
            let [start, stop] = detection.spectrum_nm;
            Channel {
                name: Some(detection.dye.clone()).filter(|dye| !dye.is_empty()),
                emission_nm: (is_light(start) && is_light(stop) && start < stop)
                    .then_some((start + stop) / 2.0),
                excitation_nm,
                ..Channel::default()
            }
        })
    }
}

/// Wavelengths of 200 nm to 2 µm.
fn is_light(nm: f64) -> bool {
    (200.0..=2000.0).contains(&nm)
}

fn entries(mut bytes: &[u8], order: ByteOrder) -> impl Iterator<Item = (u32, u32, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_at_checked(ENTRY_BYTES)?;
        let number = |at: usize| order.number(&head[at..at + 4]) as u32;
        let (value, rest) = rest.split_at_checked(number(8) as usize)?;
        bytes = rest;
        Some((number(0), number(4), value))
    })
}

/// Up to its first zero.
fn text_of(bytes: &[u8]) -> String {
    let latin_1 = bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte));
    latin_1.collect::<String>().trim().to_owned()
}

/// Colours, and names, of the channels, as the structure `ChannelColors` has them.
pub(super) fn colours(bytes: &[u8], order: ByteOrder) -> Vec<(String, [u8; 3])> {
    let number = |at: usize| bytes.get(at..at + 4).map_or(0, |number| order.number(number) as usize);
    let (count, colours) = (number(4), bytes.get(number(12)..).unwrap_or_default());
    let mut names = bytes.get(number(16)..).unwrap_or_default();
    let mut name = || {
        let (length, rest) = names.split_at_checked(4)?;
        let (name, rest) = rest.split_at_checked(order.number(length) as usize)?;
        names = rest;
        Some(text_of(name))
    };
    let each = colours.as_chunks::<4>().0.iter().take(count);
    each.map(|&[red, green, blue, _]| (name().unwrap_or_default(), [red, green, blue])).collect()
}

/// What the objective's name says: `Plan-Apochromat 63x/1.40 Oil DIC M27`.
pub(super) fn optics(objective: Option<&str>) -> Optics {
    let name = objective.unwrap_or_default();
    let before_x =
        |(before, _): (&str, &str)| before.rsplit(' ').next().and_then(|number| number.parse().ok());
    let aperture = name.split_once("x/").and_then(|(_, after)| {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        after[..end].parse().ok().filter(|na: &f64| (0.01..2.0).contains(na))
    });
    let is_named = |medium: &&str| name.split([' ', '/', '-']).any(|word| word.eq_ignore_ascii_case(medium));
    let media = [("Oil", "Oil"), ("W", "Water"), ("Water", "Water"), ("Glyc", "Glycerol"), ("Imm", "Multi")];
    Optics {
        objective: objective.map(str::to_owned),
        na: aperture,
        magnification: name.split_once("x/").and_then(before_x),
        immersion: media.iter().find(|(word, _)| is_named(word)).map(|(_, medium)| (*medium).to_owned()),
        ..Optics::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objectives_name_says_its_magnification_aperture_and_medium() {
        let found = |name: &str| {
            let optics = optics(Some(name));
            (optics.magnification, optics.na, optics.immersion)
        };
        let medium = |name: &str| Some(name.to_owned());
        assert_eq!(found("Plan-Apochromat 63x/1.40 Oil DIC M27"), (Some(63.0), Some(1.4), medium("Oil")));
        assert_eq!(found("C-Apochromat 40x/1.2 W korr"), (Some(40.0), Some(1.2), medium("Water")));
        assert_eq!(found("EC Plan-Neofluar 10x/0.3"), (Some(10.0), Some(0.3), None));
        for name in ["", "Objective", "63x", "Plan 63x/oil", "40x/12"] {
            assert_eq!(found(name).1, None, "{name}");
        }
    }

    #[test]
    fn colours_that_are_cut_off_are_those_that_are_there() {
        let names = [&5_u32.to_le_bytes()[..], b"Ch1\0\0", &4_u32.to_le_bytes(), b"DIC\0"].concat();
        let head = [33 + names.len() as u32, 2, 2, 24, 32, 0].map(u32::to_le_bytes).concat();
        let bytes = [head, vec![255, 10, 0, 0, 1, 2, 3, 0], names].concat();
        let expected = [("Ch1".to_owned(), [255, 10, 0]), ("DIC".to_owned(), [1, 2, 3])];
        assert_eq!(colours(&bytes, ByteOrder::Little), expected);
        for end in 0..bytes.len() {
            let found = colours(&bytes[..end], ByteOrder::Little);
            let is_start = found.iter().zip(&expected).all(|(found, expected)| found.1 == expected.1);
            assert!(end < 24 || found.len() <= 2 && is_start, "{end}: {found:?}");
        }
        let absurd = [u32::MAX; 6].map(u32::to_le_bytes).concat();
        assert_eq!(colours(&absurd, ByteOrder::Little), []);
    }
}
