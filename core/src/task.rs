//! What is learned.

use serde::{Deserialize, Serialize};

/// What a network learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which of several classes an image belongs to.
    Classification,
    /// A number.
    Regression,
    /// The image itself.
    Reconstruction,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 3] = [Self::Classification, Self::Regression, Self::Reconstruction];

    /// Its name in scripts and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Reconstruction => "reconstruction",
        }
    }

    /// The metric that tells a person most about a result.
    pub fn headline(self) -> &'static str {
        match self {
            Self::Classification => "BA",
            Self::Regression => "MAE",
            Self::Reconstruction => "SSIM",
        }
    }

    /// The task of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
