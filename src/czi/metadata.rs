//! The XML of a CZI file: voxel size, channels, objective, times, names of scenes. What is missing or contradicts
//! itself becomes a note; it never stops the reading of pixels.

mod scenes;

use std::collections::{BTreeMap, HashMap};

use roxmltree::Node;

use self::scenes::SceneInXml;
use super::segment::{Record, SEGMENT_HEADER, complete, fetch_segment};
use super::xml_text;
use crate::dataset::{Channel, Optics};
use crate::error::{Error, Result};
use crate::source::ReadAt;
use crate::space::Zyx;
use crate::xml;

/// Between the segment's header and the XML; the length of the XML comes first.
const PREAMBLE: u64 = 256;
/// More than the pixels of any file can have.
const MOST_CHANNELS: usize = 1 << 16;

/// What the XML says.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// Distance between samples in micrometres.
    pub voxel_um: Zyx<Option<f64>>,
    /// In the order of the XML, which is the order of the indices.
    pub channels: Vec<Channel>,
    /// The objective.
    pub optics: Optics,
    /// Seconds between time points.
    pub interval_secs: Option<f64>,
    /// By the scene's index.
    pub scenes: BTreeMap<u32, SceneInXml>,
    /// What is missing or ambiguous.
    pub notes: Vec<String>,
}

impl Metadata {
    /// Reads the metadata segment at `position`.
    ///
    /// # Errors
    /// `Io` only.
    pub fn read(source: &dyn ReadAt, position: Option<u64>) -> Result<Self> {
        let Some(position) = position else { return Ok(Self::absent("the file has no metadata")) };
        match fetch_xml(source, position) {
            Ok(xml) => Ok(Self::parse(&xml)),
            Err(Error::Format { what, .. }) => {
                Ok(Self::absent(&format!("the metadata cannot be read ({what})")))
            }
            Err(other) => Err(other),
        }
    }

    fn absent(why: &str) -> Self {
        let note = format!("{why}: voxel size, channels and objective are unknown");
        Self { notes: vec![note], ..Self::default() }
    }

    /// Reads the XML itself. Document type declarations, and so entities that grow, are refused.
    pub fn parse(xml: &str) -> Self {
        let (repaired, wrong) = xml_text::repaired(xml).unzip();
        let document = match xml::parse(repaired.as_deref().unwrap_or(xml)) {
            Ok(document) => document,
            Err(error) => return Self::absent(&format!("the metadata is not well-formed XML ({error})")),
        };
        let mut metadata = Self::default();
        metadata.notes.extend(wrong.map(|wrong| {
            format!("the metadata is not well-formed XML ({wrong}): it is read without what is wrong in it")
        }));
        let root = Found(Some(document.root_element())).child("Metadata");
        let image = root.path("Information/Image");
        metadata.voxel_um = voxel_um(root.path("Scaling/Items"));
        metadata.channels = channels(root, image);
        metadata.optics = optics(root, image, &mut metadata.notes);
        metadata.interval_secs = interval_secs(image.path("Dimensions/T/Positions"));
        metadata.scenes = scenes::scenes(image.path("Dimensions/S/Scenes"));
        metadata
    }
}

fn fetch_xml(source: &dyn ReadAt, position: u64) -> Result<String> {
    const WHAT: &str = "the metadata segment";
    let (head, known) = fetch_segment(source, position, SEGMENT_HEADER + PREAMBLE, "ZISRAWMETADATA", WHAT)?;
    let length = Record(&head).i32(32);
    let length = u64::try_from(length).ok().filter(|&length| length <= xml::MOST_BYTES).ok_or_else(|| {
        Error::format(source.path(), format!("{WHAT} says it has {length} bytes"), position)
    })?;
    let bytes = complete(source, position + SEGMENT_HEADER + PREAMBLE, length, known, "the metadata")?;
    Ok(xml_text::decode(&bytes))
}

/// An element that may be missing; so are then all below it.
#[derive(Clone, Copy)]
struct Found<'a>(Option<Node<'a, 'a>>);

impl<'a> Found<'a> {
    fn children(self, name: &'a str) -> impl Iterator<Item = Self> {
        let children = self.0.into_iter().flat_map(|node| node.children());
        children.filter(move |child| child.tag_name().name() == name).map(|child| Self(Some(child)))
    }

    fn child(self, name: &'a str) -> Self {
        self.children(name).next().unwrap_or(Self(None))
    }

    fn path(self, path: &'a str) -> Self {
        path.split('/').fold(self, Self::child)
    }

    fn attribute(self, name: &str) -> Option<&'a str> {
        self.0?.attribute(name).map(str::trim).filter(|text| !text.is_empty())
    }

    fn text(self) -> Option<&'a str> {
        self.0?.text().map(str::trim).filter(|text| !text.is_empty())
    }

    fn string(self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A physical quantity: writers put 0 for what they do not know.
    fn positive(self) -> Option<f64> {
        self.text()?.parse().ok().filter(|&value: &f64| value.is_finite() && value > 0.0)
    }
}

fn voxel_um(items: Found<'_>) -> Zyx<Option<f64>> {
    Zyx::new("Z", "Y", "X").map(|axis| {
        let is_axis = |item: &Found<'_>| item.attribute("Id").is_some_and(|id| id.eq_ignore_ascii_case(axis));
        let metres = items.children("Distance").find(is_axis)?.child("Value").positive()?;
        // Fourteen digits: 4E-07 m are 0.4 µm, not 0.39999999999999997.
        format!("{:.13e}", metres * 1e6).parse().ok()
    })
}

/// The image's channels, completed by what the display settings say of the same ones.
fn channels(root: Found<'_>, image: Found<'_>) -> Vec<Channel> {
    let acquired: Vec<_> = image.path("Dimensions/Channels").children("Channel").collect();
    let displayed: Vec<_> = root.path("DisplaySetting/Channels").children("Channel").collect();
    let mut by_id = HashMap::new();
    for &shown in &displayed {
        if let Some(id) = shown.attribute("Id") {
            by_id.entry(id).or_insert(shown);
        }
    }
    let all_bits = image.child("ComponentBitCount");
    let channel = |index: usize| {
        let own = acquired.get(index).copied().unwrap_or(Found(None));
        let same = own.attribute("Id").and_then(|id| by_id.get(id));
        let shown = same.or(displayed.get(index)).copied().unwrap_or(Found(None));
        let first_of = |elements: [Found<'_>; 2]| elements.iter().find_map(|element| element.positive());
        Channel {
            left_out: false,
            name: own.attribute("Name").or(shown.attribute("Name")).map(str::to_owned),
            color: [own, shown].iter().find_map(|from| color(from.child("Color").text()?)),
            emission_nm: first_of([own.child("EmissionWavelength"), shown.child("DyeMaxEmission")]),
            excitation_nm: first_of([own.child("ExcitationWavelength"), shown.child("DyeMaxExcitation")]),
            bits: first_of([own.child("ComponentBitCount"), all_bits]).map(|bits| bits as u32),
            acquisition_mode: acquisition_mode(own),
            pixel_type: None,
        }
    };
    (0..acquired.len().max(displayed.len()).min(MOST_CHANNELS)).map(channel).collect()
}

/// How the channel was taken. To `AcquisitionMode` Airyscan is a confocal like others: the type of the channel tells it.
fn acquisition_mode(channel: Found<'_>) -> Option<String> {
    let kind = channel.child("ChannelType").string();
    let is_airyscan = |kind: &String| kind.to_ascii_lowercase().starts_with("airyscan");
    kind.filter(is_airyscan).or(channel.child("AcquisitionMode").string())
}

/// `#AARRGGBB`, or `#RRGGBB` in early files.
fn color(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| matches!(digits.len(), 6 | 8))?;
    let argb = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = argb.to_be_bytes();
    Some([red, green, blue])
}

/// The objective that the image refers to.
fn optics(root: Found<'_>, image: Found<'_>, notes: &mut Vec<String>) -> Optics {
    let settings = image.child("ObjectiveSettings");
    let known: Vec<_> = root.path("Information/Instrument/Objectives").children("Objective").collect();
    let referred = settings.child("ObjectiveRef").attribute("Id");
    let own = known.iter().find(|objective| referred.is_some() && objective.attribute("Id") == referred);
    let with_na: Vec<_> =
        known.iter().filter(|objective| objective.child("LensNA").positive().is_some()).collect();
    if own.is_none() && with_na.len() > 1 {
        let count = with_na.len();
        notes.push(format!(
            "the metadata has {count} objectives and does not say which took the image: taking the first"
        ));
    }
    let objective = own.or(with_na.first().copied()).copied().unwrap_or(Found(None));
    let model = objective.path("Manufacturer/Model").text();
    let (medium, immersion) = (settings.child("Medium").text(), objective.child("Immersion").text());
    if let (Some(medium), Some(immersion)) = (medium, immersion)
        && medium != immersion
    {
        notes.push(format!(
            "the image says that its medium is {medium}, the objective that it is {immersion}"
        ));
    }
    let index = settings.child("RefractiveIndex").positive();
    Optics {
        objective: objective.attribute("Name").or(model).map(str::to_owned),
        na: objective.child("LensNA").positive(),
        magnification: objective.child("NominalMagnification").positive(),
        immersion: medium.or(immersion).map(str::to_owned),
        refractive_index: index.or(objective.child("ImmersionRefractiveIndex").positive()),
        z_axis_shear: image.path("Dimensions/Z/ZAxisShear").string().filter(|shear| shear != "None"),
    }
}

/// The mean distance of the listed times, or the increment.
fn interval_secs(positions: Found<'_>) -> Option<f64> {
    let offsets = positions.path("List/Offsets").text().unwrap_or_default();
    let offsets: Vec<f64> = offsets.split_ascii_whitespace().map_while(|text| text.parse().ok()).collect();
    let mean = match offsets[..] {
        [first, .., last] => (last - first) / (offsets.len() - 1) as f64,
        _ => return positions.path("Interval/Increment").positive(),
    };
    Some(mean).filter(|secs| secs.is_finite() && *secs > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r##"<ImageDocument><Metadata>
      <Scaling><Items>
        <Distance Id="X"><Value>4E-07</Value></Distance>
        <Distance Id="y"><Value>2e-07</Value></Distance>
        <Distance Id="Z"><Value>0</Value></Distance>
      </Items></Scaling>
      <Information>
        <Image>
          <ComponentBitCount>12</ComponentBitCount>
          <ObjectiveSettings><RefractiveIndex>1.33</RefractiveIndex><Medium>Water</Medium><ObjectiveRef Id="O:2"/></ObjectiveSettings>
          <Dimensions>
            <Channels>
              <Channel Id="a" Name="DAPI"><Color>#FF00A1FF</Color><EmissionWavelength>465.5</EmissionWavelength>
                <ComponentBitCount>14</ComponentBitCount><AcquisitionMode>WideField</AcquisitionMode></Channel>
              <Channel Id="b" Name=""><ExcitationWavelength>0</ExcitationWavelength></Channel>
            </Channels>
            <T><Positions><List><Offsets>10 12.5 15.5 </Offsets></List></Positions></T>
            <S><Scenes>
              <Scene Index="0" Name="P1"><Shape Name="B3"/><CenterPosition>10.5,-20</CenterPosition></Scene><Scene Index="1"/><Scene Index="4" Name="D6"><Shape Name="D6"/></Scene>
            </Scenes></S>
          </Dimensions>
        </Image>
        <Instrument><Objectives>
          <Objective Id="O:1"><LensNA>0.4</LensNA></Objective>
          <Objective Id="O:2"><LensNA>1.2</LensNA><NominalMagnification>40</NominalMagnification><Immersion>Oil</Immersion>
            <Manufacturer><Model>C-Apo</Model></Manufacturer></Objective>
        </Objectives></Instrument>
      </Information>
      <DisplaySetting><Channels>
        <Channel Id="b" Name="shown"><Color>#00FF10</Color><DyeMaxExcitation>488</DyeMaxExcitation></Channel>
        <Channel Id="a" Name="other"><Color>#FFFFFFFF</Color></Channel>
      </Channels></DisplaySetting>
    </Metadata></ImageDocument>"##;

    #[test]
    fn everything_that_is_said_is_found() {
        let found = Metadata::parse(XML);
        assert_eq!(found.voxel_um, Zyx::new(None, Some(0.2), Some(0.4)));
        assert_eq!(found.optics.objective.as_deref(), Some("C-Apo"));
        assert_eq!((found.optics.na, found.optics.magnification), (Some(1.2), Some(40.0)));
        assert_eq!(
            (found.optics.immersion.as_deref(), found.optics.refractive_index),
            (Some("Water"), Some(1.33))
        );
        assert_eq!(found.interval_secs, Some(2.75));
        let scene = |name: Option<&str>, centre_um| SceneInXml { name: name.map(str::to_owned), centre_um };
        let scenes = [
            (0, scene(Some("P1-B3"), Some((10.5, -20.0)))),
            (1, scene(None, None)),
            (4, scene(Some("D6"), None)),
        ];
        assert_eq!(found.scenes, BTreeMap::from(scenes));
        assert_eq!(found.notes, ["the image says that its medium is Water, the objective that it is Oil"]);
    }

    #[test]
    fn a_channel_is_completed_by_the_display_setting_with_its_id() {
        let found = Metadata::parse(XML).channels;
        let dapi = Channel {
            left_out: false,
            name: Some("DAPI".into()),
            color: Some([0x00, 0xA1, 0xFF]),
            emission_nm: Some(465.5),
            excitation_nm: None,
            bits: Some(14),
            acquisition_mode: Some("WideField".into()),
            pixel_type: None,
        };
        let unnamed = Channel {
            name: Some("shown".into()),
            color: Some([0x00, 0xFF, 0x10]),
            excitation_nm: Some(488.0),
            bits: Some(12),
            ..Channel::default()
        };
        assert_eq!(found, [dapi, unnamed]);
    }

    #[test]
    fn airyscan_and_sheared_planes_are_told_from_what_looks_alike() {
        let mode = |kind: &str| {
            let found =
                Metadata::parse(&XML.replace("<AcquisitionMode>", &format!("{kind}<AcquisitionMode>")));
            found.channels[0].acquisition_mode.clone().unwrap()
        };
        assert_eq!(mode("<ChannelType>AiryScanRawSr</ChannelType>"), "AiryScanRawSr");
        assert_eq!(mode("<ChannelType>Unspecified</ChannelType>"), "WideField");
        for (said, expected) in
            [("Skew60", Some("Skew60")), ("Shift60", Some("Shift60")), ("None", None), ("", None)]
        {
            let z = format!("<Z><ZAxisShear>{said}</ZAxisShear></Z><T>");
            let found = Metadata::parse(&XML.replace("<T>", &z));
            assert_eq!(found.optics.z_axis_shear.as_deref(), expected);
        }
        assert_eq!(Metadata::parse(XML).optics.z_axis_shear, None);
    }

    #[test]
    fn an_objective_that_nobody_refers_to_is_a_note() {
        let found = Metadata::parse(&XML.replace("O:2\"/>", "O:9\"/>"));
        assert_eq!(found.optics.na, Some(0.4));
        assert!(found.notes[0].contains("2 objectives"), "{:?}", found.notes);
    }

    #[test]
    fn broken_metadata_is_a_note() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><ImageDocument>&b;</ImageDocument>";
        let deep = "<a>".repeat(200_000);
        for xml in ["", "<ImageDocument>", "\u{fffd}\0", &XML[..900], bomb, &deep] {
            let found = Metadata::parse(xml);
            assert_eq!(found.notes.len(), 1, "of {} bytes", xml.len());
            assert_eq!((found.channels.len(), found.optics), (0, Optics::default()));
        }
        assert!(Metadata::parse("<ImageDocument/>").channels.is_empty());
    }

    #[test]
    fn what_is_not_well_formed_in_the_metadata_costs_itself_only() {
        let broken =
            XML.replace("</ImageDocument>", "</ImageDocument>\0<Image").replace("DAPI", "A & \u{1}B");
        let found = Metadata::parse(&broken);
        assert_eq!(found.voxel_um, Metadata::parse(XML).voxel_um);
        assert_eq!(found.channels[0].name.as_deref(), Some("A & \u{FFFD}B"));
        assert!(found.notes[0].contains("it is read without what is wrong in it"), "{:?}", found.notes);
    }

    #[test]
    fn colors_need_six_or_eight_digits() {
        assert_eq!(color("#FF00FF5B"), Some([0x00, 0xFF, 0x5B]));
        assert_eq!(color("#00FF5B"), Some([0x00, 0xFF, 0x5B]));
        for wrong in ["", "#", "00FF5B", "#00FF5", "#FF00FF5B0", "#GG00FF", "#é00FF"] {
            assert_eq!(color(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn channels_by_the_ten_thousand_are_found_by_their_ids() {
        let list = |id: &dyn Fn(usize) -> usize| -> String {
            (0..60_000).map(|i| format!("<Channel Id='c{}' Name='n{i}'/>", id(i))).collect()
        };
        let (own, shown) = (list(&|i| i), list(&|i| 59_999 - i).replace("Name", "Color='' Name"));
        let xml = format!(
            "<ImageDocument><Metadata><Information><Image><Dimensions><Channels>{}</Channels></Dimensions></Image></Information>\
             <DisplaySetting><Channels>{shown}</Channels></DisplaySetting></Metadata></ImageDocument>",
            own.replace("Name", "Was")
        );
        let start = std::time::Instant::now();
        let found = Metadata::parse(&xml).channels;
        assert_eq!(found.len(), 60_000);
        for i in [0, 1, 31_000, 59_999] {
            assert_eq!(found[i].name, Some(format!("n{}", 59_999 - i)));
        }
        assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
    }
}
