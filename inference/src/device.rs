//! Where a network computes: the host's cores, or a device that Burn reaches. What a build can reach is set by the cargo
//! features `wgpu` and `cuda`; what a machine has is asked when a model is loaded.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// A device that Burn computes on.
pub(crate) type Place = burn::tensor::Device;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The best there is: a CUDA device, else a graphics processor, else the CPU.
    #[default]
    Auto,
    /// The host's cores.
    Cpu,
    /// A graphics processor through Vulkan, Metal or DirectX; Vulkan in software counts if it is named.
    Wgpu,
    /// An NVIDIA device.
    Cuda,
}

impl Device {
    /// Every one, by name.
    pub const ALL: [(&str, Device); 4] =
        [("auto", Device::Auto), ("cpu", Device::Cpu), ("wgpu", Device::Wgpu), ("cuda", Device::Cuda)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Device::ALL.iter().find(|(_, device)| *device == self).map_or("", |(name, _)| name)
    }

    /// Those that this build reaches on this machine, the best first.
    pub fn there() -> Vec<Device> {
        let reached = |device: &Device| matches!(device, Device::Cpu) || !places(*device).is_empty();
        [Device::Cuda, Device::Wgpu, Device::Cpu].into_iter().filter(reached).collect()
    }

    /// An error if it is named and not here. The best there is always is: no driver is asked for it.
    pub fn check(self) -> Result<(), ModelError> {
        if self == Device::Auto { Ok(()) } else { self.place().map(drop) }
    }

    /// Where tensors go; `None` is the host.
    pub(crate) fn place(self) -> Result<Option<Place>, ModelError> {
        match self {
            Device::Cpu => Ok(None),
            Device::Auto => {
                let places = [Device::Cuda, Device::Wgpu].into_iter().flat_map(places);
                Ok(places.into_iter().find(|place| !in_software(place)))
            }
            // Software only where there is nothing else.
            named => match places(named).into_iter().min_by_key(in_software) {
                Some(place) => Ok(Some(place)),
                None => Err(ModelError::NoDevice {
                    device: named.name(),
                    there: Device::there().into_iter().map(Device::name).collect::<Vec<_>>().join(", "),
                    why: match built_for(named) {
                        true => "this machine has none".into(),
                        false => format!("cargo build --workspace --bins --features nexus/{} brings it", named.name()),
                    },
                }),
            },
        }
    }
}

impl FromStr for Device {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let known = Device::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, device)| *device).ok_or_else(|| ModelError::UnknownDevice { name: text.into() })
    }
}

fn built_for(device: Device) -> bool {
    match device {
        Device::Auto | Device::Cpu => true,
        Device::Wgpu => cfg!(feature = "wgpu"),
        Device::Cuda => cfg!(feature = "cuda"),
    }
}

/// The devices of a kind on this machine.
fn places(device: Device) -> Vec<Place> {
    match device {
        #[cfg(feature = "wgpu")]
        Device::Wgpu => Place::enumerate(burn::tensor::DeviceType::Wgpu).into_iter().collect(),
        #[cfg(feature = "cuda")]
        Device::Cuda => Place::enumerate(burn::tensor::DeviceType::Cuda).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether it is the host's cores behind a driver: slower than our kernels on them.
fn in_software(_place: &Place) -> bool {
    #[cfg(feature = "wgpu")]
    return *_place == Place::wgpu(burn::tensor::DeviceKind::Cpu);
    #[cfg(not(feature = "wgpu"))]
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_what_is_not_is_an_error_that_names_it() {
        assert!(Device::there().contains(&Device::Cpu) && Device::Cpu.place().unwrap().is_none());
        assert_eq!(
            Device::ALL.map(|(name, _)| name.parse::<Device>().unwrap().name()),
            ["auto", "cpu", "wgpu", "cuda"]
        );
        assert!("gpu".parse::<Device>().unwrap_err().to_string().contains("auto, cpu, wgpu, cuda"));
        if places(Device::Cuda).is_empty() {
            let error = Device::Cuda.place().unwrap_err().to_string();
            assert!(error.contains("no device `cuda`") && error.contains("cpu"), "{error}");
        }
    }
}
