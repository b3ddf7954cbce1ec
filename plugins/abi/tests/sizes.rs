//! Structures of older and newer plugins are read as far as both sides know them.
#![allow(clippy::unwrap_used)]

use std::mem::{offset_of, size_of};

use neurhai_abi::{Architecture, Entry, Layer, Loss, Metric, Structure, Transpose, Vote, read};

/// What version 1.0 of the interface had on 64-bit machines. It must never change: a plugin that was
/// compiled with it has exactly these sizes.
#[test]
fn sizes_of_the_first_version_stay() {
    let sizes = [
        Entry::SIZE_0,
        Architecture::SIZE_0,
        Transpose::SIZE_0,
        Vote::SIZE_0,
        Metric::SIZE_0,
        Loss::SIZE_0,
        Layer::SIZE_0,
    ];
    assert_eq!(sizes, [152, 80, 80, 88, 80, 80, 96]);
}

/// A structure that has grown since version 1.0 by two fields.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Grown {
    size: u32,
    flags: u32,
    first: Option<fn() -> u32>,
    second: u64,
    third: Option<fn() -> u32>,
}

// SAFETY: `repr(C)`, with its size in front; zero bytes are a value of every field.
unsafe impl Structure for Grown {
    const SIZE_0: usize = offset_of!(Grown, second);
}

/// Exactly as many bytes as the size says lie in memory, so that Miri sees whoever reads beyond.
fn read_of_size(size: usize) -> Result<Grown, usize> {
    let seven: fn() -> u32 = || 7;
    let whole = Grown {
        size: u32::try_from(size).unwrap(),
        flags: 5,
        first: Some(seven),
        second: 9,
        third: Some(seven),
    };
    let words = size.div_ceil(8);
    let mut room = vec![std::mem::MaybeUninit::<u64>::zeroed(); words.max(1)];
    // SAFETY: no more than both have.
    unsafe {
        let from = (&raw const whole).cast::<u8>();
        let bytes = size.clamp(4, size_of::<Grown>());
        std::ptr::copy_nonoverlapping(from, room.as_mut_ptr().cast(), bytes);
        read(room.as_ptr().cast::<Grown>())
    }
}

#[test]
fn what_a_structure_lacks_is_zero_and_what_it_has_more_is_left_out() {
    let old = read_of_size(Grown::SIZE_0).unwrap();
    assert_eq!((old.flags, old.first.unwrap()(), old.second), (5, 7, 0));
    assert!(old.third.is_none());
    let between = read_of_size(offset_of!(Grown, third)).unwrap();
    assert_eq!((between.second, between.third.is_none()), (9, true));
    for newer in [size_of::<Grown>(), size_of::<Grown>() + 40] {
        let whole = read_of_size(newer).unwrap();
        assert_eq!((whole.second, whole.third.unwrap()()), (9, 7));
    }
    assert_eq!(read_of_size(Grown::SIZE_0 - 8).unwrap_err(), Grown::SIZE_0 - 8);
    assert_eq!(read_of_size(0).unwrap_err(), 0);
}
