//! What a description is made of. Objects lie in one list and values refer to them by their place,
//! so that nothing a file nests, repeats or ties into a circle costs more than its own bytes.

use tch::Kind;

use super::View;

/// A value: small, or a reference to an object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Where a tuple or a run of items begins.
    Mark,
    Number(i64),
    Text(&'a str),
    /// A module and a name in it, which is compared with known ones and never looked up.
    Name(&'a str, &'a str),
    /// An object, by its place in the list.
    Object(usize),
    /// What needs no distinction: `None`, booleans, real numbers, those of more than 64 bits.
    Other,
}

/// An object.
#[derive(Debug)]
pub(crate) enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    /// A dictionary, ordered or not: keys and values.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// A list; nobody asks what it holds.
    List,
    Storage(Storage<'a>),
    Tensor(View<'a>),
    /// What Python would have made by calling this name of this module; nothing is called here.
    Unknown(&'a str, &'a str),
}

/// The numbers that tensors are views of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Storage<'a> {
    pub(crate) dtype: Dtype,
    pub(crate) key: &'a str,
    /// How many numbers.
    pub(crate) length: usize,
}

macro_rules! dtypes {
    ($($name:ident = $class:literal, $width:literal, $kind:ident;)*) => {
        /// What numbers a storage holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Dtype {
            $($name,)*
        }

        impl Dtype {
            /// The kind of the storage class of this name.
            pub(crate) fn of_class(class: &str) -> Option<Self> {
                match class { $($class => Some(Self::$name),)* _ => None }
            }

            /// The name of the storage class.
            pub(crate) fn class(self) -> &'static str {
                match self { $(Self::$name => $class,)* }
            }

            /// Bytes per number.
            pub(crate) fn width(self) -> usize {
                match self { $(Self::$name => $width,)* }
            }

            /// libtorch's name for it.
            pub(crate) fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }
        }
    };
}

dtypes! {
    Float32 = "FloatStorage", 4, Float;
    Float64 = "DoubleStorage", 8, Double;
    Float16 = "HalfStorage", 2, Half;
    BFloat16 = "BFloat16Storage", 2, BFloat16;
    Int64 = "LongStorage", 8, Int64;
    Int32 = "IntStorage", 4, Int;
    Int16 = "ShortStorage", 2, Int16;
    Int8 = "CharStorage", 1, Int8;
    UInt8 = "ByteStorage", 1, Uint8;
    Bool = "BoolStorage", 1, Bool;
}
