//! What this machine has, as far as the system tells.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rollmill_runtime::free_bytes;
use serde::Serialize;

/// Where Linux keeps the limits of groups of processes.
const CGROUPS: &str = "/sys/fs/cgroup";
/// Where NVIDIA's driver lists its devices.
const GPUS: &str = "/proc/driver/nvidia/gpus";

/// A machine, or the part of it that a container may use. Mebibytes are 2^20 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Memory in all; none where the system does not tell.
    pub memory_mib: Option<u64>,
    /// Free space where the roller keeps its data.
    pub disk_mib: Option<u64>,
    /// Cores that this process may use.
    pub cores: u32,
    /// Names of the graphics cards on which a prover could run.
    pub gpus: Vec<String>,
}

impl Machine {
    /// This machine; the data is, or will be, in `data_dir`.
    pub fn measure(data_dir: &Path) -> Self {
        let installed = fs::read_to_string("/proc/meminfo").ok();
        let installed = installed.and_then(|text| installed_mib(&text));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory_mib: installed.into_iter().chain(limit_mib()).min(),
            disk_mib: free_bytes(data_dir).map(|bytes| bytes >> 20),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            gpus: gpus(Path::new(GPUS)),
        }
    }
}

/// `MemTotal` of `/proc/meminfo`.
fn installed_mib(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let total = lines.find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib >> 10)
}

/// The least limit of the groups that this process is in.
fn limit_mib() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = Path::new(CGROUPS).join(own.trim());
    let groups = folder.ancestors();
    let groups = groups.take_while(|group| group.starts_with(CGROUPS));
    let limits = groups.filter_map(|group| {
        let text = fs::read_to_string(group.join("memory.max")).ok()?;
        // "max" is no limit.
        text.trim().parse::<u64>().ok()
    });
    limits.min().map(|bytes| bytes >> 20)
}

fn gpus(driver: &Path) -> Vec<String> {
    let Ok(devices) = fs::read_dir(driver) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = devices
        .filter_map(|device| Some(device.ok()?.path()))
        .collect();
    found.sort();
    let names = found.iter().map(|device| {
        let text = fs::read_to_string(device.join("information")).unwrap_or_default();
        let mut lines = text.lines();
        let model = lines.find_map(|line| line.strip_prefix("Model:"));
        model.map_or("unknown", str::trim).to_owned()
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn memory_is_what_the_kernel_says() {
        let text = "MemFree:   1 kB\nMemTotal:       24576000 kB\nBuffers: 2 kB\n";
        assert_eq!(installed_mib(text), Some(24_000));
        assert_eq!(installed_mib("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn graphics_cards_have_their_models() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(gpus(&folder.path().join("none")), [""; 0]);
        for (device, text) in [("1", "IRQ: 1\n"), ("0", "Model: \t\t A100 80GB\nIRQ: 3\n")] {
            let device = folder.path().join(device);
            fs::create_dir(&device).unwrap();
            fs::write(device.join("information"), text).unwrap();
        }
        assert_eq!(gpus(folder.path()), ["A100 80GB", "unknown"]);
    }
}
