//! The geometry that convolutions and poolings share.

use super::short::*;

/// A window that slides over the spatial axes.
#[derive(Clone)]
pub(super) struct Window {
    pub(super) kernel: Vec<i64>,
    pub(super) stride: Vec<i64>,
    pub(super) padding: Vec<i64>,
    pub(super) dilation: Vec<i64>,
}

impl Window {
    /// Reads `kernel_size`, `stride` (the kernel's size where absent), `padding` and `dilation`
    /// (0 and 1 where the layer has no such option).
    pub(super) fn read(options: &Options, axes: usize) -> Result<Self> {
        let kernel = options.sizes("kernel_size", axes)?;
        let or = |name, otherwise: Vec<i64>| {
            if options.has(name) { options.sizes(name, axes) } else { Ok(otherwise) }
        };
        Ok(Self {
            stride: or("stride", kernel.clone())?,
            padding: or("padding", vec![0; axes])?,
            dilation: or("dilation", vec![1; axes])?,
            kernel,
        })
    }

    /// The output size per axis: ⌊(n + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.
    pub(super) fn output(&self, spatial: &[i64], planner: &Planner<'_>) -> Result<Vec<i64>> {
        let mut output = Vec::new();
        for (axis, n) in spatial.iter().enumerate() {
            let reach = self.dilation[axis].saturating_mul(self.kernel[axis] - 1).saturating_add(1);
            let padded = n.saturating_add(self.padding[axis].saturating_mul(2));
            if reach > padded {
                return Err(planner
                    .error(
                        Code::KernelTooLarge,
                        format!(
                            "a kernel that reaches over {reach} voxels does not fit into {padded} \
                             (axis {axis} of {})",
                            crate::shape::show(spatial)
                        ),
                    )
                    .help(
                        "use fewer pooling or strided layers before this one, a smaller \
                         kernel_size, more padding, or larger input",
                    ));
            }
            output.push((padded - reach) / self.stride[axis] + 1);
        }
        Ok(output)
    }

    /// Where its places lie: the middle of a window is half its reach from where it begins.
    pub(super) fn grid(&self) -> Grid {
        let start = |axis: usize| {
            (self.dilation[axis] * (self.kernel[axis] - 1)) as f64 / 2.0 - self.padding[axis] as f64
        };
        Grid {
            start: (0..self.kernel.len()).map(start).collect(),
            stride: self.stride.iter().map(|stride| *stride as f64).collect(),
        }
    }

    /// Poolings take at most half a kernel of padding, as PyTorch's.
    pub(super) fn check_pool_padding(&self, planner: &Planner<'_>) -> Result<()> {
        if self.padding.iter().zip(&self.kernel).all(|(p, k)| *p <= k / 2) {
            return Ok(());
        }
        Err(planner.error(Code::BadOption, "padding may be at most half of kernel_size"))
    }

    /// How often the window is applied times its voxels: multiply–adds per channel pair.
    pub(super) fn volume(&self) -> u64 {
        self.kernel.iter().map(|k| *k as u64).product()
    }
}

/// The number of spatial axes of `[channel, (depth,) height, width]`: 2 or 3.
pub(super) fn spatial_axes(input: &[i64], planner: &Planner<'_>) -> Result<usize> {
    match input.len() {
        3 | 4 => Ok(input.len() - 1),
        _ => Err(planner
            .error(
                Code::ShapeMismatch,
                format!(
                    "needs [channel, height, width] or [channel, depth, height, width], not {}",
                    crate::shape::show(input)
                ),
            )
            .help(
                "it cannot follow flatten, linear or global_avg_pool; reshape restores the axes",
            )),
    }
}

pub(super) fn sizes(min: i64) -> Kind {
    Kind::Sizes { min }
}
