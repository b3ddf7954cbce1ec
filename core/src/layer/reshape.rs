use super::short::*;

pub(super) struct Reshape;

impl Layer for Reshape {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "reshape".into(),
            help: "Gives the values of a sample another shape; one size may be -1 and is inferred."
                .into(),
            shapes: "any → shape".into(),
            options: vec![OptionSpec::required(
                "shape",
                Kind::Ints,
                "sizes without the batch axis",
            )],
            positional: 1,
            example: Example::new(
                json!([{"kind": "reshape", "shape": [4, 5, 6, 7]}]),
                &[840],
                &[4, 5, 6, 7],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.reshape.html".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let mut shape = options.ints("shape")?;
        let total = crate::shape::elements(input).unwrap_or(i64::MAX);
        let mismatch = |planner: &Planner<'_>, shape: &[i64]| {
            planner
                .error(
                    Code::ShapeMismatch,
                    format!(
                        "the {total} values of {} do not fit into {}",
                        crate::shape::show(input),
                        crate::shape::show(shape)
                    ),
                )
                .help("the sizes must multiply to the same number; one of them may be -1")
        };
        let open: Vec<usize> = (0..shape.len()).filter(|i| shape[*i] == -1).collect();
        if let [axis] = open[..] {
            let others: Vec<i64> = shape.iter().copied().filter(|size| *size != -1).collect();
            match crate::shape::elements(&others) {
                Some(product) if product > 0 && total % product == 0 => {
                    shape[axis] = total / product
                }
                _ => return Err(mismatch(planner, &shape)),
            }
        }
        if shape.is_empty() || crate::shape::elements(&shape) != Some(total) {
            return Err(mismatch(planner, &shape));
        }
        let target = shape.clone();
        Ok(Planned::new(shape, move |x, _| {
            let mut size = vec![x.size()[0]];
            size.extend(&target);
            Ok(x.f_reshape(&size)?)
        }))
    }
}
