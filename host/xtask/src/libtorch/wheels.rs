//! The wheels that libtorch is put together from, and what is taken out of each.

/// One wheel, named to the byte: everybody gets the same libraries, whichever Python they have.
pub(super) struct Wheel {
    pub(super) package: &'static str,
    pub(super) version: &'static str,
    pub(super) file: &'static str,
    pub(super) sha256: &'static str,
    pub(super) bytes: u64,
    /// The platform tag to ask pip for.
    pub(super) platform: &'static str,
    /// From where in the wheel to where in libtorch; a path that ends in `/` is a folder with all it holds.
    pub(super) take: &'static [(&'static str, &'static str)],
}

/// The tag of the Python in the name of the torch wheel. The libraries taken from it are the same for all of them.
pub(super) const PYTHON_TAG: &str = "3.11";

/// PyTorch itself comes last: what is small and could fail does so before the long download.
pub(super) const WHEELS: &[Wheel] = &[
    Wheel {
        package: "nvidia-cuda-runtime",
        version: "13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        bytes: 2_243_632,
        platform: "manylinux2014_x86_64",
        take: &[("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13")],
    },
    Wheel {
        package: "nvidia-cuda-cupti",
        version: "13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        bytes: 10_715_597,
        platform: "manylinux_2_25_x86_64",
        take: &[("nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13")],
    },
    Wheel {
        package: "torch",
        version: super::VERSION,
        file: "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
        bytes: 526_574_961,
        platform: "manylinux_2_28_x86_64",
        take: &[
            ("torch/lib/libc10.so", "lib/libc10.so"),
            ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
            ("torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
            ("torch/include/", "include/"),
        ],
    },
];

/// What libtorch takes on disk once it is unpacked, small files rounded up to blocks.
pub(super) const UNPACKED_BYTES: u64 = 510_000_000;

impl Wheel {
    /// Where a file of the wheel goes, or `None` for one that libtorch does without.
    pub(super) fn destination(&self, name: &str) -> Option<String> {
        // A folder's own entry has nothing to write, and a name that climbs out of its folder is never one of ours.
        if name.ends_with('/') || name.split('/').any(|part| part == "..") {
            return None;
        }
        self.take.iter().find_map(|(from, to)| match name.strip_prefix(from)? {
            "" => Some((*to).to_owned()),
            rest => from.ends_with('/').then(|| format!("{to}{rest}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_libtorch_needs_is_taken() {
        let torch = &WHEELS[2];
        for (name, destination) in [
            ("torch/lib/libtorch_cpu.so", Some("lib/libtorch_cpu.so")),
            ("torch/include/ATen/ATen.h", Some("include/ATen/ATen.h")),
            ("torch/include/", None),
            ("torch/include/../../../evil.h", None),
            ("torch/lib/libtorch_cuda.so", None),
            ("torch/lib/libc10.so.debug", None),
            ("torch/nn/__init__.py", None),
        ] {
            assert_eq!(torch.destination(name).as_deref(), destination, "{name}");
        }
    }

    #[test]
    fn file_names_and_versions_agree() {
        for wheel in WHEELS {
            let start = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
            assert!(
                wheel.file.starts_with(&start) && wheel.file.contains(wheel.platform),
                "{}",
                wheel.file
            );
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.file);
        }
    }
}
