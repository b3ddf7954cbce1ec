//! Memory of this machine, by the limit of a container or job where there is one.

use sysinfo::System;

/// Bytes.
pub(crate) struct Memory {
    /// All there is.
    pub(crate) total: u64,
    /// What one more process could take.
    pub(crate) free: u64,
}

/// How much there is now; nothing where the system does not say.
pub(crate) fn memory() -> Option<Memory> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let (total, free) = (system.total_memory(), system.available_memory());
    Some(match system.cgroup_limits().filter(|limits| limits.total_memory > 0) {
        Some(limits) => {
            Memory { total: total.min(limits.total_memory), free: free.min(limits.free_memory) }
        }
        None => Memory { total, free },
    })
}
