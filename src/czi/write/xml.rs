//! The XML metadata of a CZI file, with the elements that readers look for, where ZEN puts them.

use std::fmt::Write;

use super::Extent;
use crate::dataset::{Channel, Optics};
use crate::pixels::PixelType;
use crate::space::Zyx;

/// What the XML of a new file says.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Distance between samples in micrometres; `None` writes no such element.
    pub voxel_um: Zyx<Option<f64>>,
    /// In the order of `Plane::c`. `pixel_type` is taken from the subblocks where it is `None`.
    pub channels: Vec<Channel>,
    /// The objective.
    pub optics: Optics,
}

/// An empty `extent` is that of a file without subblocks.
pub(super) fn render(metadata: &Metadata, extent: Option<Extent>) -> String {
    let mut xml = Xml::default();
    xml.text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    xml.inside("ImageDocument", |xml| {
        xml.inside("Metadata", |xml| {
            xml.inside("Information", |xml| {
                xml.inside("Image", |xml| image(xml, metadata, extent));
                instrument(xml, &metadata.optics);
            });
            display(xml, &metadata.channels);
            scaling(xml, metadata.voxel_um);
        });
    });
    xml.text
}

fn image(xml: &mut Xml, metadata: &Metadata, extent: Option<Extent>) {
    if let Some(extent) = extent {
        xml.leaf("PixelType", Some(name_of(extent.pixel_type)));
        xml.leaf("SizeX", Some(extent.rect.width));
        xml.leaf("SizeY", Some(extent.rect.height));
        xml.leaf("SizeC", Some(extent.end.c));
        xml.leaf("SizeZ", Some(extent.end.z));
        xml.leaf("SizeT", Some(extent.end.t));
        xml.leaf("SizeS", (extent.scenes > 0).then_some(extent.scenes));
    }
    let default_type = extent.map(|extent| extent.pixel_type);
    xml.inside("Dimensions", |xml| {
        xml.inside("Channels", |xml| {
            for (i, channel) in metadata.channels.iter().enumerate() {
                xml.inside(&channel_start(i, channel), |xml| {
                    xml.leaf("PixelType", channel.pixel_type.or(default_type).map(name_of));
                    xml.leaf("ComponentBitCount", channel.bits);
                    xml.leaf("ExcitationWavelength", channel.excitation_nm);
                    xml.leaf("EmissionWavelength", channel.emission_nm);
                    xml.leaf("AcquisitionMode", channel.acquisition_mode.as_deref());
                    xml.leaf("Color", channel.color.map(argb));
                });
            }
        });
        if let Some(shear) = &metadata.optics.z_axis_shear {
            xml.inside("Z", |xml| xml.leaf("ZAxisShear", Some(shear)));
        }
        let scenes = extent.map_or(0, |extent| extent.scenes);
        if scenes > 0 {
            xml.inside("S", |xml| {
                xml.inside("Scenes", |xml| {
                    for s in 0..scenes {
                        xml.inside(&format!("Scene Index=\"{s}\" Name=\"P{}\"", s + 1), |_| {});
                    }
                });
            });
        }
    });
    xml.inside("ObjectiveSettings", |xml| {
        xml.inside("ObjectiveRef Id=\"Objective:1\"", |_| {});
        xml.leaf("Medium", metadata.optics.immersion.as_deref());
        xml.leaf("RefractiveIndex", metadata.optics.refractive_index);
    });
}

fn instrument(xml: &mut Xml, optics: &Optics) {
    xml.inside("Instrument", |xml| {
        xml.inside("Objectives", |xml| {
            xml.inside("Objective Id=\"Objective:1\"", |xml| {
                xml.inside("Manufacturer", |xml| xml.leaf("Model", optics.objective.as_deref()));
                xml.leaf("LensNA", optics.na);
                xml.leaf("NominalMagnification", optics.magnification);
                xml.leaf("Immersion", optics.immersion.as_deref());
            });
        });
    });
}

fn display(xml: &mut Xml, channels: &[Channel]) {
    xml.inside("DisplaySetting", |xml| {
        xml.inside("Channels", |xml| {
            for (i, channel) in channels.iter().enumerate() {
                xml.inside(&channel_start(i, channel), |xml| xml.leaf("Color", channel.color.map(argb)));
            }
        });
    });
}

/// ZEN writes metres.
fn scaling(xml: &mut Xml, voxel_um: Zyx<Option<f64>>) {
    xml.inside("Scaling", |xml| {
        xml.inside("Items", |xml| {
            for (axis, um) in [("X", voxel_um.x), ("Y", voxel_um.y), ("Z", voxel_um.z)] {
                if let Some(um) = um {
                    xml.inside(&format!("Distance Id=\"{axis}\""), |xml| {
                        xml.leaf("Value", Some(format!("{:e}", um * 1e-6)));
                        xml.leaf("DefaultUnitFormat", Some("µm"));
                    });
                }
            }
        });
    });
}

fn channel_start(index: usize, channel: &Channel) -> String {
    let name = channel.name.as_deref().map(|name| format!(" Name=\"{}\"", escaped(name)));
    format!("Channel Id=\"Channel:{index}\"{}", name.unwrap_or_default())
}

fn argb([red, green, blue]: [u8; 3]) -> String {
    format!("#FF{red:02X}{green:02X}{blue:02X}")
}

fn name_of(pixel_type: PixelType) -> String {
    format!("{pixel_type:?}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Elements, indented.
#[derive(Default)]
struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    /// The element `start` (name and attributes) around what `content` writes.
    fn inside(&mut self, start: &str, content: impl FnOnce(&mut Self)) {
        let name = start.split(' ').next().unwrap_or_default();
        self.line(format_args!("<{start}>"));
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.line(format_args!("</{name}>"));
    }

    /// `<name>value</name>`, if there is a value.
    fn leaf(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.line(format_args!("<{name}>{}</{name}>", escaped(&value.to_string())));
        }
    }

    fn line(&mut self, content: std::fmt::Arguments<'_>) {
        let indent = 2 * self.depth;
        writeln!(self.text, "{:indent$}{content}", "").expect("a string takes any text");
    }
}
