//! `t[…]`, `t.shape` and `t.ndim`.

use std::ops::{Range, RangeInclusive};

use neurhai_core::{Code, Error, Result};
use rhai::{Dynamic, Engine, INT};
use tch::Kind;

use super::given::describe_value;
use super::shapes::selected;
use super::{Called, STEPS, Tensor, missing, restated, value};
use crate::functions::raise;
use crate::sandbox;
use crate::value::describe;

/// One index per axis, from the first on: a whole number takes one place and its axis away, a range
/// a piece, nothing all of it. A tensor takes the places it holds, or those where it is true.
fn index(x: &tch::Tensor, indices: &[Dynamic]) -> Result<tch::Tensor> {
    let (mut x, mut axis) = (x.shallow_clone(), 0);
    for index in indices {
        if axis >= x.dim() as i64 {
            let message = format!("a tensor with {} axes has no axis {axis}", x.dim());
            return Err(Error::new(Code::BadOption, message));
        }
        if let Ok(place) = index.as_int() {
            x = x.f_select(axis, place)?;
            continue;
        }
        if let Some(range) = index.read_lock::<Range<INT>>() {
            x = x.f_slice(axis, range.start, range.end, 1)?;
        } else if let Some(range) = index.read_lock::<RangeInclusive<INT>>() {
            // The end 0 in place of -1 + 1 would mean the beginning.
            let end = Some(*range.end()).filter(|end| *end != -1).map(|end| end.saturating_add(1));
            x = x.f_slice(axis, *range.start(), end, 1)?;
        } else if let Some(places) = Tensor::of(index) {
            let places = match places.kind() {
                Kind::Bool => places.f_nonzero()?.f_flatten(0, -1)?,
                _ => places,
            };
            x = match x.f_index_select(axis, &places).map_err(Error::from) {
                Err(error) if missing::is_why(&error) => {
                    let shape = selected(&x, axis, &places);
                    neurhai_torch::meta(&shape)?.f_to_kind(x.kind())?
                }
                found => found?,
            };
        } else if !index.is_unit() {
            let message = format!("a tensor cannot be indexed with {}", describe(index));
            return Err(Error::new(Code::BadOption, message)
                .help("use t[0], t[-1], t[1..3], t[[0, 1..3]], or t[[(), 0]] for all of an axis"));
        }
        axis += 1;
    }
    Ok(x)
}

fn get(x: &Tensor, indices: &[Dynamic]) -> Called {
    sandbox::count(STEPS);
    let x = x.get();
    index(&x, indices).map(value).map_err(|error| {
        let given = indices.iter().map(describe_value).collect::<Vec<_>>().join(", ");
        let given = format!("{} and {given}", describe_value(&value(x.shallow_clone())));
        raise(restated(error, "an index", &given))
    })
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_indexer_get(|x: &mut Tensor, list: rhai::Array| get(x, &list))
        .register_indexer_get(|x: &mut Tensor, at: INT| get(x, &[at.into()]))
        .register_indexer_get(|x: &mut Tensor, at: Range<INT>| get(x, &[Dynamic::from(at)]))
        .register_indexer_get(|x: &mut Tensor, at: RangeInclusive<INT>| {
            get(x, &[Dynamic::from(at)])
        })
        .register_indexer_get(|x: &mut Tensor, at: Tensor| get(x, &[Dynamic::from(at)]))
        .register_get("shape", |x: &mut Tensor| x.get().size().into_iter().collect::<Dynamic>())
        .register_get("ndim", |x: &mut Tensor| x.get().dim() as INT);
}
