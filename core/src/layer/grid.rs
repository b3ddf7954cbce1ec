//! Where the cells of a layer's output lie among those of its input.

/// Along each spatial axis the centre of the output's cell `i` lies at `start + i · stride`, counted in
/// cells of the input: Araujo, Norris and Sim 2019, <https://doi.org/10.23915/distill.00021>.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Where the centre of the first cell lies, for each axis.
    pub start: Vec<f64>,
    /// From one centre to the next, for each axis.
    pub stride: Vec<f64>,
}

impl Grid {
    /// Each cell where the input has one.
    pub fn aligned(axes: usize) -> Self {
        Self { start: vec![0.0; axes], stride: vec![1.0; axes] }
    }

    /// Where the cells of `next`, which takes this layer's output, lie among those of this one's input;
    /// none where the axes are not the same.
    #[must_use]
    pub fn then(&self, next: &Self) -> Option<Self> {
        let axes = self.start.len();
        let axis = |axis: usize| {
            let start = self.start[axis] + self.stride[axis] * next.start[axis];
            (start, self.stride[axis] * next.stride[axis])
        };
        let (start, stride) = (next.start.len() == axes).then(|| (0..axes).map(axis).unzip())?;
        Some(Self { start, stride })
    }

    /// That of layers one after the other, the first taking `axes` spatial axes; none where one of them
    /// does not say.
    pub(crate) fn of<'g>(
        axes: usize,
        layers: impl IntoIterator<Item = Option<&'g Self>>,
    ) -> Option<Self> {
        layers.into_iter().try_fold(Self::aligned(axes), |grid, next| grid.then(next?))
    }
}
