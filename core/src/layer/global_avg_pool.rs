use super::short::*;
use super::window::spatial_axes;

pub(super) struct GlobalAvgPool;

impl Layer for GlobalAvgPool {
    fn info(&self) -> LayerInfo {
        LayerInfo {
            name: "global_avg_pool".into(),
            help: "The mean of each channel: the output is flat and fits any input size.".into(),
            shapes: "[channel, (depth,) height, width] → [channel]".into(),
            options: vec![],
            positional: 0,
            example: Example::new(json!([{"kind": "global_avg_pool"}]), &[4, 5, 6, 7], &[4]),
            source: "Lin et al. 2014, https://arxiv.org/abs/1312.4400".into(),
        }
    }

    fn plan(&self, _: &Options, input: &[i64], planner: &mut Planner<'_>) -> Result<Planned> {
        let axes = spatial_axes(input, planner)? as i64;
        let over: Vec<i64> = (2..axes + 2).collect();
        Ok(Planned::new([input[0]], move |x, _| Ok(x.f_mean_dim(&over[..], false, None)?)))
    }
}
