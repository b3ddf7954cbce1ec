use super::short::*;

pub(super) struct MaxUnpool;

impl Layer for MaxUnpool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "max_unpool".into(),
            help: "Undoes the last max_pool with return_indices: maxima go back to their places, \
                   zeros elsewhere."
                .into(),
            shapes: "the pooling's output → the pooling's input".into(),
            options: vec![],
            positional: 0,
            example: Example::new(
                json!([
                    {"kind": "max_pool", "kernel_size": 2, "return_indices": true},
                    {"kind": "max_unpool"}
                ]),
                &[4, 5, 6, 7],
                &[4, 5, 6, 7],
            ),
            source: "https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html"
                .into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        super::pool::plan_unpool(input, "max_pool", planner)
    }
}
