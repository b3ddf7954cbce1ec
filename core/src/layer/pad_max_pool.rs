use super::pool::{Places, Pooled, max_of_blocks, max_pool, max_pool_with_indices};
use super::short::*;
use super::window::{Window, sizes, spatial_axes};
use crate::network::float;

/// Pads the low side of each axis by (stride − size mod stride) mod stride, then pools, so that no
/// voxel is dropped when kernel and stride are equal.
pub(super) struct PadMaxPool;

impl Layer for PadMaxPool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "pad_max_pool".into(),
            help: "Max pooling that pads the low side of each axis so that no voxel is dropped."
                .into(),
            shapes: "[channel, (depth,) height, width] → [channel, ⌈size / stride⌉, …] where \
                     kernel_size = stride"
                .into(),
            options: vec![
                OptionSpec::required("kernel_size", sizes(1), "voxels of the window per axis"),
                OptionSpec::absent("stride", sizes(1), "kernel_size", "voxels between windows"),
                OptionSpec::new(
                    "pad",
                    Kind::Choice { of: vec!["zero".into(), "-inf".into()] },
                    "zero",
                    "what is added: zero, as ClinicaDL, or -inf, which never wins",
                ),
                OptionSpec::new(
                    "return_indices",
                    Kind::Bool,
                    false,
                    "keep positions for crop_max_unpool",
                ),
            ],
            positional: 2,
            example: Example::new(
                json!([{"kind": "pad_max_pool", "kernel_size": 2}]),
                &[4, 5, 6, 7],
                &[4, 3, 3, 4],
            ),
            source: "ClinicaDL's PadMaxPool3d, \
                     https://clinicadl.readthedocs.io/en/latest/Train/Details/"
                .into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)?;
        let window = Window::read(options, axes)?;
        let pad: Vec<i64> = (input[1..].iter().zip(&window.stride))
            .map(|(n, stride)| (stride - n % stride) % stride)
            .collect();
        let padded: Vec<i64> = input[1..].iter().zip(&pad).map(|(n, pad)| n + pad).collect();
        let mut output = vec![input[0]];
        output.extend(window.output(&padded, planner)?);
        let keep = options.flag("return_indices")?;
        if keep {
            planner.push_pool("pad_max_pool", input, &output);
        }
        let fill = if options.text("pad")? == "zero" { 0.0 } else { f64::NEG_INFINITY };
        // libtorch lists the paddings from the last axis to the first, low side before high side.
        let sides: Vec<i64> = pad.iter().rev().flat_map(|pad| [*pad, 0]).collect();
        let blocks = window.kernel == window.stride;
        let none = vec![0; axes];
        let order = if keep { Order::Fixed } else { Order::Maximum };
        let grid = Window { padding: pad.clone(), ..window.clone() }.grid();
        Ok(Planned::new(output, move |x, ctx| {
            let kernel = &window.kernel;
            // The processor's own kernel takes float32, and so does libtorch's under automatic casts.
            let x = &if x.device().is_cuda() { x.shallow_clone() } else { float(x)? };
            if blocks && keep {
                let found = neurhai_torch::block_maximum_with_places(x, kernel, fill)?;
                if let Some((y, places)) = found {
                    let places = Places::OfBlocks { places, kernel: kernel.clone() };
                    ctx.pools.push(Pooled { places, padded: padded.clone(), pad: pad.clone() });
                    return Ok(y);
                }
            } else if blocks && let Some(y) = neurhai_torch::block_maximum(x, kernel, fill)? {
                return Ok(y);
            }
            let x = match sides.iter().all(|side| *side == 0) {
                true => x.shallow_clone(),
                false => x.f_pad(&sides, "constant", fill)?,
            };
            if !keep && !x.device().is_cuda() {
                return max_pool(&x, &window.kernel, &window.stride, &none);
            }
            let (y, indices) = match blocks && x.device().is_cuda() {
                true => max_of_blocks(&x, &window.kernel)?,
                false => max_pool_with_indices(&x, &window.kernel, &window.stride, &none)?,
            };
            if keep {
                let places = Places::Flat(indices);
                ctx.pools.push(Pooled { places, padded: padded.clone(), pad: pad.clone() });
            }
            Ok(y)
        })
        .placed(Some(grid))
        .ordered(order))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::flat_positions;
    use super::*;
    use tch::{Device, Kind as Number, Tensor};

    /// The CPU's own kernel against libtorch's pooling of the padded map: values and gradients, with
    /// ties and negative maps, in 2D and 3D, even and odd sizes.
    #[test]
    fn the_fused_kernel_is_padding_and_pooling() {
        tch::manual_seed(4);
        let cpu = (Number::Float, Device::Cpu);
        for kernel in [vec![2, 2, 2], vec![3, 3, 3], vec![2, 1, 3], vec![2, 2], vec![3, 2]] {
            for size in [[4, 5, 6], [7, 9, 3], [8, 8, 8]] {
                for fill in [0.0, f64::NEG_INFINITY] {
                    let mut shape = vec![2, 3];
                    shape.extend(&size[..kernel.len()]);
                    let x = Tensor::randint_low(-3, 3, &shape, cpu) - 0.5;
                    let x = Tensor::cat(&[&x, &Tensor::randn(&shape, cpu)], 0);
                    let x = crate::network::channels_last(&x).unwrap().set_requires_grad(true);
                    let y = neurhai_torch::block_maximum(&x, &kernel, fill).unwrap().unwrap();
                    let weight = y.randn_like();
                    (&y * &weight).sum(Number::Float).backward();

                    let copy = x.detach().contiguous().set_requires_grad(true);
                    let pad: Vec<i64> = kernel
                        .iter()
                        .zip(size)
                        .rev()
                        .flat_map(|(k, n)| [(k - n % k) % k, 0])
                        .collect();
                    let padded = copy.f_pad(&pad, "constant", fill).unwrap();
                    let none = vec![0; kernel.len()];
                    let expected = max_pool(&padded, &kernel, &kernel, &none).unwrap();
                    (&expected * &weight).sum(Number::Float).backward();
                    assert!(y.equal(&expected), "{kernel:?} {size:?} {fill}");
                    assert!(x.grad().equal(&copy.grad()), "{kernel:?} {size:?} {fill}");
                }
            }
        }
        let x = Tensor::from_slice(&[f32::NAN, 1.0, 2.0, 3.0]).repeat([2]).view([1, 2, 2, 2]);
        let x = crate::network::channels_last(&x).unwrap();
        let y = neurhai_torch::block_maximum(&x, &[2, 2], 0.0).unwrap().unwrap();
        assert!(y.isnan().all().int64_value(&[]) == 1, "NaN is not hidden");
    }

    /// The CPU's own pair of kernels against libtorch's padding, pooling with positions, unpooling
    /// and cropping: values and gradients, to the bit. What is unpooled is another tensor than what
    /// was pooled, in another layout, so that both gradients show.
    #[test]
    fn the_fused_pair_is_pooling_and_unpooling() {
        tch::manual_seed(5);
        let cpu = (Number::Float, Device::Cpu);
        for (kernel, channels) in [
            (vec![2, 2, 2], 11),
            (vec![3, 3, 3], 8),
            (vec![2, 1, 3], 3),
            (vec![2, 2], 16),
            (vec![3, 2], 5),
            (vec![6, 6, 7], 9),
        ] {
            for size in [[4, 5, 6], [7, 9, 3], [8, 8, 8], [1, 1, 1]] {
                for fill in [0.0, f64::NEG_INFINITY] {
                    let axes = kernel.len();
                    let mut shape = vec![2, channels];
                    shape.extend(&size[..axes]);
                    let x = Tensor::randint_low(-3, 3, &shape, cpu) - 0.5;
                    let x = Tensor::cat(&[&x, &Tensor::randn(&shape, cpu)], 0);
                    let run = |x: Tensor, fused: bool, times: &[Tensor; 2]| {
                        let x = x.set_requires_grad(true);
                        let pad: Vec<i64> =
                            kernel.iter().zip(size).map(|(k, n)| (k - n % k) % k).collect();
                        let sides: Vec<i64> = pad.iter().rev().flat_map(|p| [*p, 0]).collect();
                        let (y, z) = if fused {
                            let pooled =
                                neurhai_torch::block_maximum_with_places(&x, &kernel, fill);
                            let (y, places) = pooled.unwrap().unwrap();
                            let values = (&y * &times[0]).contiguous();
                            let z = neurhai_torch::block_unpool(&values, &places);
                            (y, z.unwrap().unwrap())
                        } else {
                            let x = x.f_pad(&sides, "constant", fill).unwrap();
                            let none = vec![0; axes];
                            let (y, at) =
                                max_pool_with_indices(&x, &kernel, &kernel, &none).unwrap();
                            let (values, map) = (&y * &times[0], &x.size()[2..]);
                            let z = match axes {
                                2 => values.max_unpool2d(&at, map),
                                _ => values.max_unpool3d(&at, map, &kernel, &none),
                            };
                            let crop = |z: Tensor, (axis, pad): (usize, &i64)| {
                                z.narrow(axis as i64 + 2, *pad, size[axis])
                            };
                            (y, pad.iter().enumerate().fold(z, crop))
                        };
                        (&z * &times[1]).sum(Number::Float).backward();
                        (y.detach(), z.detach(), x.grad())
                    };
                    let pooled: Vec<i64> =
                        kernel.iter().zip(size).map(|(k, n)| (n + k - 1) / k).collect();
                    let times = [
                        Tensor::randn([&[4, channels], &pooled[..]].concat(), cpu),
                        Tensor::randn(x.size(), cpu),
                    ];
                    let last = crate::network::channels_last(&x).unwrap();
                    let (y, z, grad) = run(last, true, &times);
                    let (wanted_y, wanted_z, wanted_grad) = run(x.copy(), false, &times);
                    assert!(y.equal(&wanted_y), "{kernel:?} {size:?} {fill}");
                    assert!(z.equal(&wanted_z), "{kernel:?} {size:?} {fill}");
                    assert!(grad.equal(&wanted_grad), "{kernel:?} {size:?} {fill}");
                }
            }
        }
    }

    #[test]
    fn positions_of_the_fused_pooling_serve_any_unpooling() {
        let x = Tensor::from_slice(&[f32::NAN, 1.0, 2.0, 3.0, -1.0, -2.0]).repeat([2]);
        let x = crate::network::channels_last(&x.view([1, 2, 2, 3])).unwrap();
        let (y, places) =
            neurhai_torch::block_maximum_with_places(&x, &[2, 2], 0.0).unwrap().unwrap();
        assert_eq!(y.isnan().sum(Number::Int64).int64_value(&[]), 2, "NaN is not hidden");
        // The first column is alone in its block, beside padding.
        let flat = flat_positions(&places.within_blocks().unwrap(), &[2, 4], &[2, 2]).unwrap();
        let padded = x.f_pad([1, 0, 0, 0], "constant", 0.0).unwrap();
        let (_, wanted) = max_pool_with_indices(&padded, &[2, 2], &[2, 2], &[0, 0]).unwrap();
        assert!(flat.equal(&wanted), "{flat} {wanted}");
        assert!(
            neurhai_torch::block_unpool(&y.to_kind(Number::Double), &places).unwrap().is_none()
        );
        let z = neurhai_torch::block_unpool(&y.ones_like(), &places).unwrap().unwrap();
        let z: Vec<f32> = z.flatten(0, -1).try_into().unwrap();
        assert_eq!(z, [1.0, 0.0, 1.0, 0.0, 0.0, 0.0].repeat(2));
    }

    /// The GPU's path against libtorch's own pooling, values and positions, ties included.
    #[test]
    fn maxima_of_blocks_are_those_of_max_pooling() {
        tch::manual_seed(3);
        for (size, kernel) in [
            (vec![2, 3, 6, 4, 8], vec![2, 2, 2]),
            (vec![2, 3, 6, 9], vec![3, 3]),
            (vec![1, 1, 4, 6], vec![2, 3]),
        ] {
            let x = Tensor::randn(&size, (Number::Float, Device::Cpu)).relu();
            let (y, at) = max_of_blocks(&x, &kernel).unwrap();
            let (expected, place) =
                max_pool_with_indices(&x, &kernel, &kernel, &vec![0; kernel.len()]).unwrap();
            assert!(y.equal(&expected));
            assert!(at.equal(&place), "{at} {place}");
        }
    }
}
