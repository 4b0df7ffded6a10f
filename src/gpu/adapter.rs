//! Which graphics devices there are, and the choice of one. Opening it is `device`'s.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Hardware or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterKind {
    /// With memory of its own.
    Discrete,
    /// Shares the computer's memory.
    Integrated,
    /// Handed through to a virtual machine.
    Virtual,
    /// A driver that runs on the processor.
    Software,
    /// The driver does not say.
    Unknown,
}

impl From<wgpu::DeviceType> for AdapterKind {
    fn from(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Cpu => Self::Software,
            wgpu::DeviceType::Other => Self::Unknown,
        }
    }
}

/// What a driver says of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The device's name.
    pub name: String,
    /// Hardware or not.
    pub kind: AdapterKind,
    /// The driver and its version.
    pub driver: String,
    /// `domain:bus:device.function`, or empty: the same for every program, unlike the index.
    pub pci_bus_id: String,
}

impl fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, name, kind, driver, pci_bus_id } = self;
        write!(f, "{index}: {name} ({kind:?}, {driver}")?;
        if !pci_bus_id.is_empty() {
            write!(f, ", PCI {pci_bus_id}")?;
        }
        write!(f, ")")
    }
}

/// A graphics device that is not open yet.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// What the driver says of it.
    pub summary: AdapterSummary,
    pub(super) handle: wgpu::Adapter,
}

/// What the user asks for: `auto`, an index of the list, a PCI bus id, or a part of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The best hardware; never a software driver, which is slower than the processor's own backend.
    Auto,
    /// A place in the list, from 0.
    Index(usize),
    /// A PCI bus id, or a part of the name in any case.
    Text(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(index) => Self::Index(index),
            Err(_) if text.eq_ignore_ascii_case("auto") => Self::Auto,
            Err(_) => Self::Text(text.to_owned()),
        })
    }
}

/// Every device that the installed drivers offer, software ones included.
pub fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
        .into_iter()
        .enumerate()
        .map(|(index, handle)| {
            let info = handle.get_info();
            let summary = AdapterSummary {
                index,
                name: info.name,
                kind: info.device_type.into(),
                driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
                pci_bus_id: info.device_pci_bus_id,
            };
            Adapter { summary, handle }
        })
        .collect()
}

/// The device that `choice` means.
///
/// # Errors
/// `Gpu` when there is none; the message lists those that there are.
pub fn choose(mut adapters: Vec<Adapter>, choice: &Choice) -> Result<Adapter> {
    let summaries: Vec<_> = adapters.iter().map(|adapter| adapter.summary.clone()).collect();
    position(&summaries, choice).map(|i| adapters.swap_remove(i))
}

fn position(adapters: &[AdapterSummary], choice: &Choice) -> Result<usize> {
    let hardware =
        |kind| matches!(kind, AdapterKind::Discrete | AdapterKind::Integrated | AdapterKind::Virtual);
    let found = match choice {
        Choice::Auto => {
            (0..adapters.len()).filter(|&i| hardware(adapters[i].kind)).min_by_key(|&i| adapters[i].kind)
        }
        Choice::Index(index) => (0..adapters.len()).find(|i| i == index),
        Choice::Text(text) => adapters
            .iter()
            .position(|a| !a.pci_bus_id.is_empty() && a.pci_bus_id.eq_ignore_ascii_case(text))
            .or_else(|| adapters.iter().position(|a| a.name.to_lowercase().contains(&text.to_lowercase()))),
    };
    found.ok_or_else(|| {
        let wanted = match choice {
            Choice::Auto => "no hardware device".to_owned(),
            Choice::Index(index) => format!("no device {index}"),
            Choice::Text(text) => format!("no device named '{text}'"),
        };
        let list: Vec<_> = adapters.iter().map(ToString::to_string).collect();
        let list = if list.is_empty() { "no Vulkan driver is installed".to_owned() } else { list.join("; ") };
        Error::gpu(format!("{wanted}; found: {list}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(index: usize, name: &str, kind: AdapterKind, pci_bus_id: &str) -> AdapterSummary {
        AdapterSummary { index, name: name.into(), kind, driver: "d 1".into(), pci_bus_id: pci_bus_id.into() }
    }

    fn three() -> Vec<AdapterSummary> {
        vec![
            adapter(0, "llvmpipe (LLVM 15)", AdapterKind::Software, ""),
            adapter(1, "Intel UHD", AdapterKind::Integrated, "0000:00:02.0"),
            adapter(2, "NVIDIA RTX", AdapterKind::Discrete, "0000:01:00.0"),
        ]
    }

    fn chosen(text: &str) -> Option<usize> {
        position(&three(), &text.parse().unwrap()).ok()
    }

    #[test]
    fn a_device_is_found_by_index_name_and_pci_bus_id() {
        assert_eq!(chosen("auto"), Some(2));
        assert_eq!(chosen("1"), Some(1));
        assert_eq!(chosen("3"), None);
        assert_eq!(chosen("rtx"), Some(2));
        assert_eq!(chosen("LLVM"), Some(0));
        assert_eq!(chosen("0000:00:02.0"), Some(1));
        assert_eq!(chosen(""), Some(0), "an empty part of a name is part of the first");
    }

    #[test]
    fn a_software_driver_is_never_taken_unasked_and_the_error_names_it() {
        let error = position(&three()[..1], &Choice::Auto).unwrap_err().to_string();
        assert!(error.contains("llvmpipe"), "{error}");
        let error = position(&[], &Choice::Auto).unwrap_err().to_string();
        assert!(error.contains("no Vulkan driver"), "{error}");
    }
}
