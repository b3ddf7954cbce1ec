use super::short::*;

pub(super) struct CropMaxUnpool;

impl Layer for CropMaxUnpool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "crop_max_unpool".into(),
            help:
                "Undoes the last pad_max_pool with return_indices and cuts its padding off again."
                    .into(),
            shapes: "the pooling's output → the pooling's input".into(),
            options: vec![],
            positional: 0,
            example: Example::new(
                json!([
                    {"kind": "pad_max_pool", "kernel_size": 2, "return_indices": true},
                    {"kind": "crop_max_unpool"}
                ]),
                &[4, 5, 6, 7],
                &[4, 5, 6, 7],
            ),
            source: "ClinicaDL's CropMaxUnpool3d, \
                     https://clinicadl.readthedocs.io/en/latest/Train/Details/"
                .into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        super::pool::plan_unpool(input, "pad_max_pool", planner)
    }
}
