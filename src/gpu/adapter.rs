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
    /// A PCI bus id, in lower case, with its domain.
    Pci(String),
    /// A part of the name in any case.
    Name(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        Ok(match (text.parse(), pci_bus_id(text)) {
            (Ok(index), _) => Self::Index(index),
            (_, Some(id)) => Self::Pci(id),
            _ if text.is_empty() || text.eq_ignore_ascii_case("auto") => Self::Auto,
            _ => Self::Name(text.to_owned()),
        })
    }
}

/// `0000:65:00.0` of `pci:0000:65:00.0`, `00000000:65:00.0` (as nvidia-smi writes it) or `65:00.0`; whatever follows
/// `pci:` is meant to be one.
fn pci_bus_id(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let marked = lower.strip_prefix("pci:");
    let id = marked.unwrap_or(&lower);
    let numbers: Option<Vec<u32>> =
        id.split([':', '.']).map(|part| u32::from_str_radix(part, 16).ok()).collect();
    let is_slot = id.rsplit_once(':').is_some_and(|(_, slot)| slot.contains('.'));
    match numbers.as_deref() {
        Some(&[domain, bus, device, function]) if is_slot => {
            Some(format!("{domain:04x}:{bus:02x}:{device:02x}.{function:x}"))
        }
        Some(&[bus, device, function]) if is_slot => {
            Some(format!("0000:{bus:02x}:{device:02x}.{function:x}"))
        }
        _ => marked.map(str::to_owned),
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
/// `Gpu` when there is none, or when a name is that of several; the message lists those that there are.
pub fn choose(mut adapters: Vec<Adapter>, choice: &Choice) -> Result<Adapter> {
    let summaries: Vec<_> = adapters.iter().map(|adapter| adapter.summary.clone()).collect();
    position(&summaries, choice).map(|i| adapters.swap_remove(i))
}

fn position(adapters: &[AdapterSummary], choice: &Choice) -> Result<usize> {
    let all = || 0..adapters.len();
    let (found, wanted): (Vec<usize>, _) = match choice {
        Choice::Auto => {
            let is_hardware = |kind| !matches!(kind, AdapterKind::Software | AdapterKind::Unknown);
            return all()
                .filter(|&i| is_hardware(adapters[i].kind))
                .min_by_key(|&i| adapters[i].kind)
                .ok_or_else(|| refusal("no hardware device", adapters));
        }
        Choice::Index(index) => (all().filter(|i| i == index).collect(), format!("device {index}")),
        Choice::Pci(id) => {
            let is_at = |&i: &usize| adapters[i].pci_bus_id.eq_ignore_ascii_case(id);
            (all().filter(is_at).collect(), format!("device at PCI {id}"))
        }
        Choice::Name(name) => (named(adapters, name), format!("device named '{name}'")),
    };
    match found[..] {
        [] => Err(refusal(&format!("no {wanted}"), adapters)),
        [one] => Ok(one),
        // Two drivers for one device: the first, as the loader orders them.
        [first, ..] if found.iter().all(|&i| is_same_device(&adapters[first], &adapters[i])) => Ok(first),
        _ => Err(refusal(&format!("more than one {wanted}: choose by index or PCI bus id"), adapters)),
    }
}

/// Those of exactly this name, else those with it in theirs.
fn named(adapters: &[AdapterSummary], name: &str) -> Vec<usize> {
    let name = name.to_lowercase();
    let with = |is: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..adapters.len()).filter(|&i| is(&adapters[i].name.to_lowercase())).collect()
    };
    let exact = with(&|other| other == name);
    if exact.is_empty() { with(&|other| other.contains(&name)) } else { exact }
}

fn is_same_device(a: &AdapterSummary, b: &AdapterSummary) -> bool {
    !a.pci_bus_id.is_empty() && a.pci_bus_id == b.pci_bus_id
}

/// What it means that there is no device, not even a software driver.
const NO_DRIVER: &str = if cfg!(target_vendor = "apple") {
    "no Metal device is there"
} else if cfg!(windows) {
    "no Vulkan and no DirectX 12 driver is installed"
} else {
    "no Vulkan driver is installed"
};

fn refusal(what: &str, adapters: &[AdapterSummary]) -> Error {
    let list: Vec<_> = adapters.iter().map(ToString::to_string).collect();
    let list = if list.is_empty() { NO_DRIVER.to_owned() } else { list.join("; ") };
    Error::gpu(format!("{what}; found: {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(index: usize, name: &str, kind: AdapterKind, pci_bus_id: &str) -> AdapterSummary {
        AdapterSummary { index, name: name.into(), kind, driver: "d 1".into(), pci_bus_id: pci_bus_id.into() }
    }

    fn five() -> Vec<AdapterSummary> {
        vec![
            adapter(0, "llvmpipe (LLVM 15)", AdapterKind::Software, ""),
            adapter(1, "Intel UHD", AdapterKind::Integrated, "0000:00:02.0"),
            adapter(2, "NVIDIA RTX", AdapterKind::Discrete, "0000:01:00.0"),
            adapter(3, "NVIDIA RTX 2", AdapterKind::Discrete, "0000:65:00.0"),
            adapter(4, "NVIDIA RTX 2 (NVK)", AdapterKind::Discrete, "0000:65:00.0"),
        ]
    }

    fn chosen(text: &str) -> Option<usize> {
        position(&five(), &text.parse().unwrap()).ok()
    }

    #[test]
    fn a_device_is_found_by_index_name_and_pci_bus_id() {
        assert_eq!(chosen("auto"), Some(2));
        assert_eq!(chosen("1"), Some(1));
        assert_eq!(chosen("5"), None);
        assert_eq!(chosen("LLVM"), Some(0));
        for id in ["0000:00:02.0", "pci:0000:00:02.0", "PCI:00:02.0", "00000000:00:02.0"] {
            assert_eq!(chosen(id), Some(1), "{id}");
        }
        assert_eq!(chosen("pci:0000:00:03.0"), None);
        assert_eq!(chosen("pci:rtx"), None, "what follows pci: is no name");
        assert_eq!(chosen(""), Some(2), "an empty variable chooses nothing");
    }

    #[test]
    fn a_name_of_several_devices_is_refused_and_they_are_listed() {
        assert_eq!(chosen("nvidia rtx"), Some(2), "the whole name");
        assert_eq!(chosen("rtx 2"), Some(3), "two drivers for one device");
        let error = position(&five(), &"rtx".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("more than one device named 'rtx'"), "{error}");
        for id in ["0000:01:00.0", "0000:65:00.0"] {
            assert!(error.contains(id), "{error}");
        }
    }

    #[test]
    fn a_software_driver_is_never_taken_unasked_and_the_error_names_it() {
        let error = position(&five()[..1], &Choice::Auto).unwrap_err().to_string();
        assert!(error.contains("llvmpipe"), "{error}");
        let error = position(&[], &Choice::Auto).unwrap_err().to_string();
        assert!(error.contains(NO_DRIVER), "{error}");
    }
}
