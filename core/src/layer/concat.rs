use super::short::*;
use tch::Tensor;

pub(super) struct Concat;

impl Layer for Concat {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "concat".into(),
            help: "Runs branches on the same input and joins their channels.".into(),
            shapes: "each branch's input → the sum of the branches' channels".into(),
            options: vec![OptionSpec::required(
                "branches",
                Kind::Branches,
                "one list of layers per branch",
            )],
            positional: 1,
            example: Example::new(
                json!([{"kind": "concat", "branches": [
                    [{"kind": "conv", "out_channels": 2, "kernel_size": 1}], [{"kind": "relu"}]
                ]}]),
                &[4, 5, 6, 7],
                &[6, 5, 6, 7],
            ),
            source: "Szegedy et al. 2015, https://arxiv.org/abs/1409.4842".into(),
        }
    }

    fn plan(&self, options: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let mut branches = Vec::new();
        for (i, layers) in options.branches("branches")?.iter().enumerate() {
            branches.push(planner.sequence(&format!("branches.{i}"), layers, input)?);
        }
        let Some(first) = branches.first() else {
            return Err(planner.error(Code::BadOption, "concat needs at least one branch"));
        };
        let mut output = first.output.clone();
        for branch in &branches[1..] {
            if branch.output.len() != output.len() || branch.output[1..] != output[1..] {
                return Err(planner
                    .error(
                        Code::ShapeMismatch,
                        format!(
                            "branches give {} and {}, which differ in more than the channels",
                            crate::shape::show(&first.output),
                            crate::shape::show(&branch.output)
                        ),
                    )
                    .help("give the convolutions of all branches the same stride, and padding to match"));
            }
            output[0] += branch.output[0];
        }
        let alike = branches.iter().all(|branch| branch.grid == first.grid);
        let grid = first.grid.clone().filter(|_| alike);
        Ok(Planned::new(output, move |x, ctx| {
            let mut outputs = Vec::new();
            for branch in &branches {
                outputs.push(branch.forward(x, ctx)?);
            }
            Ok(Tensor::f_cat(&outputs, 1)?)
        })
        .placed(grid))
    }
}
