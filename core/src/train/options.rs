//! What a script or configuration says about training.

use serde_json::json;

use crate::network::Precision;
use crate::optimizer;
use crate::options::{Kind, OptionSpec};
use crate::sampler;
use crate::schedule;
use crate::task::Task;

fn choice(words: &[&str]) -> Kind {
    Kind::Choice { of: words.iter().map(|word| (*word).to_owned()).collect() }
}

/// The options of `train`.
pub fn specs() -> Vec<OptionSpec> {
    let count = |min| Kind::Int { min, max: i64::from(i32::MAX) };
    let positive = Kind::Float { min: 0.0, max: f64::MAX };
    let limit = Kind::Float { min: 1e-12, max: f64::MAX };
    let (optimizers, schedules) = (optimizer::infos(), schedule::infos());
    let samplers = sampler::infos();
    let samplers: Vec<&str> = samplers.iter().map(|info| info.name.as_str()).collect();
    let optimizers: Vec<&str> = optimizers.iter().map(|info| info.name.as_str()).collect();
    let schedules: Vec<&str> = schedules.iter().map(|info| info.name.as_str()).collect();
    vec![
        OptionSpec::new(
            "task",
            choice(&Task::ALL.map(Task::name)),
            "classification",
            "what is learned: classes, a number, or the image itself",
        ),
        OptionSpec::required("data", Kind::Map, "the images, from caps(…)"),
        OptionSpec::required(
            "splits",
            Kind::Text,
            "the folder with the split tables, or a .tsv of cohorts",
        ),
        OptionSpec::required(
            "output",
            Kind::Text,
            "the experiment folder to write; it must be new",
        ),
        OptionSpec::absent(
            "label",
            Kind::Text,
            "diagnosis for a classification, age for a regression",
            "the column to learn: the classes of a classification, the numbers of a regression",
        ),
        OptionSpec::absent(
            "classes",
            Kind::Texts,
            "all in the label column",
            "the classes of a classification to learn; rows of others are left out",
        ),
        OptionSpec::absent(
            "select",
            Kind::Map,
            "all",
            "the rows to use on both sides, by a column and its values: #{ diagnosis: [\"CN\"] }",
        ),
        OptionSpec::absent("split", Kind::Ints, "all there are", "which splits to run"),
        OptionSpec::new(
            "train_fraction",
            Kind::Float { min: 1e-6, max: 1.0 },
            1.0,
            "the share of the training participants of each class to learn from, drawn by the seed",
        ),
        OptionSpec::new("baseline", Kind::Bool, false, "train on first sessions only"),
        OptionSpec::new("valid_longitudinal", Kind::Bool, false, "validate on all sessions"),
        OptionSpec::new(
            "allow_leakage",
            Kind::Bool,
            false,
            "go on although the split, or weights it begins with, learned from who is validated on; recorded",
        ),
        OptionSpec::absent(
            "architecture",
            Kind::Text,
            "Conv5_FC3, or AE_Conv5_FC3 for a reconstruction",
            "the registered architecture",
        ),
        OptionSpec::new("options", Kind::Map, json!({}), "the architecture's own options"),
        OptionSpec::absent(
            "loss",
            Kind::Text,
            "CrossEntropyLoss for a classification, MSELoss otherwise",
            "the registered loss",
        ),
        OptionSpec::new("loss_options", Kind::Map, json!({}), "the loss's own options"),
        OptionSpec::new(
            "multi_network",
            Kind::Bool,
            false,
            "train a network for each part of the image, instead of one for all",
        ),
        OptionSpec::absent(
            "networks_at_once",
            count(1),
            "as many as there are processors and memory for",
            "networks of a multi_network that are trained side by side; results do not depend on it",
        ),
        OptionSpec::absent(
            "transfer",
            Kind::Text,
            "all weights are drawn",
            "weights to begin with: an experiment folder, a .safetensors file, or ClinicaDL's .pth.tar",
        ),
        OptionSpec::absent(
            "transfer_split",
            count(0),
            "the only one, or of several the one with the number of the split that is trained",
            "the split of the experiment to take them from",
        ),
        OptionSpec::new(
            "transfer_metric",
            Kind::Text,
            "loss",
            "the metric that the model to take them from is the best by",
        ),
        OptionSpec::absent(
            "transfer_network",
            count(0),
            "the only one, or that of the same part",
            "the network to take them from, where there is one per part",
        ),
        OptionSpec::new(
            "transfer_strict",
            Kind::Bool,
            true,
            "every tensor of the parts that are transferred must fit; otherwise what fits is taken",
        ),
        OptionSpec::absent(
            "freeze",
            Kind::Texts,
            "none",
            "layers that stay as they are, by path: [\"convolutions\"]",
        ),
        OptionSpec::absent(
            "freeze_all_but",
            count(1),
            "none is frozen",
            "how many of the last layers with weights learn; all others stay as they are",
        ),
        OptionSpec::absent(
            "class_weights",
            Kind::Map,
            "1 for every class",
            "what a sample's loss counts, by its class: #{ AD: 2.0 }",
        ),
        OptionSpec::new(
            "balance_classes",
            Kind::Bool,
            false,
            "let each class count the same: n / (classes · n of the class) of the training images",
        ),
        OptionSpec::new(
            "augmentation",
            Kind::Named,
            json!([]),
            "transforms of training images, in order: names, or maps with a name and options",
        ),
        OptionSpec::new(
            "log_augmentation",
            Kind::Bool,
            false,
            "write what each transform draws for each training image in every epoch",
        ),
        OptionSpec::new("epochs", count(1), 20, "passes over the training set at most"),
        OptionSpec::new("batch_size", count(1), 8, "samples per forward pass"),
        OptionSpec::new(
            "sampler",
            choice(&samplers),
            "random",
            "which samples an epoch learns from, and in which order",
        ),
        OptionSpec::new(
            "sampler_options",
            Kind::Map,
            json!({}),
            "the sampler's own options, such as bins",
        ),
        OptionSpec::new(
            "accumulation_steps",
            count(1),
            1,
            "batches per weight update: their gradient is that of one large batch",
        ),
        OptionSpec::new(
            "evaluation_steps",
            count(0),
            0,
            "weight updates between evaluations within an epoch; 0 for only at its end",
        ),
        OptionSpec::new(
            "evaluate_train",
            choice(&["always", "final"]),
            "always",
            "evaluate the training set at every evaluation, or only for the best models",
        ),
        OptionSpec::new("optimizer", choice(&optimizers), "Adam", "how weights are updated"),
        OptionSpec::new("optimizer_options", Kind::Map, json!({}), "the optimizer's own options"),
        OptionSpec::new("learning_rate", positive.clone(), 1e-4, "step size"),
        OptionSpec::new(
            "learning_rate_factors",
            Kind::Map,
            json!({}),
            "what it is multiplied by in layers, by path: #{ convolutions: 0.1 }",
        ),
        OptionSpec::absent(
            "schedule",
            choice(&schedules),
            "the learning rate stays",
            "how the learning rate changes",
        ),
        OptionSpec::new("schedule_options", Kind::Map, json!({}), "the schedule's own options"),
        OptionSpec::new(
            "warmup_epochs",
            count(0),
            0,
            "epochs in which the learning rate rises from 0, before the schedule begins",
        ),
        OptionSpec::new("weight_decay", positive, 1e-4, "L2 penalty; AdamW decouples it"),
        OptionSpec::new(
            "decay_norms_and_biases",
            Kind::Bool,
            true,
            "let the weight decay hold for parameters with one axis, too",
        ),
        OptionSpec::absent(
            "clip_norm",
            limit.clone(),
            "none",
            "the largest norm of all gradients together; larger ones are scaled down",
        ),
        OptionSpec::absent(
            "clip_value",
            limit,
            "none",
            "the largest size of a number in a gradient",
        ),
        OptionSpec::new(
            "patience",
            count(0),
            10,
            "epochs without a better validation loss before training stops; 0 for never",
        ),
        OptionSpec::new(
            "tolerance",
            Kind::Float { min: 0.0, max: 1.0 },
            0.0,
            "better means below best · (1 − tolerance)",
        ),
        OptionSpec::new(
            "selection_metrics",
            Kind::Texts,
            json!(["loss"]),
            "validation metrics for each of which the best model is kept",
        ),
        OptionSpec::new(
            "checkpoint_minutes",
            Kind::Float { min: 0.0, max: f64::MAX },
            10.0,
            "minutes between checkpoints within an epoch; 0 for only at its end",
        ),
        OptionSpec::new("vote", Kind::Text, "soft", "how parts vote on their image"),
        OptionSpec::new("vote_options", Kind::Map, json!({}), "the vote's own options"),
        OptionSpec::absent(
            "vote_weights",
            choice(&["balanced_accuracy", "accuracy", "uniform"]),
            "balanced_accuracy for a classification, uniform otherwise",
            "what a part's vote weighs: its score in validation, or the same for all",
        ),
        OptionSpec::new(
            "selection_threshold",
            Kind::Float { min: 0.0, max: 1.0 },
            0.0,
            "parts whose score in validation is below have no vote",
        ),
        OptionSpec::new(
            "missing_parts",
            choice(&["error", "renormalise"]),
            "error",
            "of an image that lacks parts: refuse it, or scale the weights of the others to sum 1",
        ),
        OptionSpec::new("seed", Kind::Int { min: 0, max: i64::MAX }, 0, "of every random choice"),
        OptionSpec::new(
            "deterministic",
            Kind::Bool,
            false,
            "only deterministic algorithms on a GPU, too; what has none is an error",
        ),
        OptionSpec::new(
            "compensation",
            choice(&["memory", "time"]),
            "memory",
            "what deterministic matrix products on a GPU may cost: memory, or time",
        ),
        OptionSpec::new(
            "precision",
            choice(&Precision::ALL.map(Precision::name)),
            "float32",
            "in which numbers convolutions and matrix products compute; float16 only on GPUs, bfloat16 is fast where it is built in",
        ),
        OptionSpec::new("device", Kind::Text, "auto", "auto, cpu, cuda or cuda:N"),
        OptionSpec::absent(
            "loader_threads",
            Kind::Int { min: 0, max: 256 },
            "the number of cores, at most 4",
            "threads that prepare batches, 0 for training to do so itself; results do not depend on it",
        ),
    ]
}
