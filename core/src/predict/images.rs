//! The images of a group, and whether they are like those that the networks were trained on.

use super::opened::Opened;
use crate::data::cohorts::Cohorts;
use crate::data::loader::Source;
use crate::data::participants::Session as Visit;
use crate::error::{Code, Error, Place, Result};
use crate::shape::show;
use crate::train::inputs::{find_files, source};
use crate::train::sources;
use crate::train::{Event, Session};

impl Opened {
    /// The images of these sessions, cut as for training.
    ///
    /// # Errors
    /// All images that are missing or cannot be used; [`Code::ImageShape`] for those that the network
    /// does not take, or that have other voxels than training's; [`Code::BadMaps`] for masks that are
    /// not training's.
    pub(crate) fn source(
        &self,
        cohorts: &Cohorts,
        visits: Vec<Visit>,
        session: &Session<'_>,
    ) -> Result<Source> {
        let data = &self.config.data;
        let (files, warnings) = find_files(cohorts, &self.preprocessing, visits, data)?;
        for text in warnings {
            session.tell(Event::Warning { text });
        }
        let source = source(files, cohorts, &self.preprocessing, data, session)?;
        self.check_shape(&source)?;
        sources::check_masks(source.parts.as_ref(), &self.root.join("groups/sources.tsv"))?;
        if self.image_shape.is_none() && source.parts.mode() == "patch" {
            let text = "the experiment does not say how many voxels the images had that it was \
                        trained on: make sure that these have as many, since patches are cut by them";
            session.tell(Event::Warning { text: text.into() });
        }
        Ok(source)
    }

    fn check_shape(&self, source: &Source) -> Result<()> {
        let (given, parts) = (source.parts.shape(0), source.parts.count());
        let mode = source.parts.mode();
        let input = &self.experiment.input;
        let voxels = |shape: [usize; 3]| show(&shape.map(|size| size as i64));
        let shapes = self.image_shape.zip(source.images.shape());
        let message = if given != *input {
            let (given, needed) = (show(&given), show(input));
            format!("the network takes {needed}, but the mode {mode:?} gives {given} of an image")
        } else if parts != self.parts {
            format!(
                "the network learned from images of {} {mode} parts, these have {parts}",
                self.parts
            )
        } else if let Some((then, now)) = shapes.filter(|(then, now)| then != now) {
            let (then, now) = (voxels(then), voxels(now));
            format!("the network learned from images of {then} voxels, these have {now}")
        } else {
            return Ok(());
        };
        Err(Error::new(Code::ImageShape, message)
            .at(Place::File(source.images.file(0).into()))
            .help(
                "preprocess the images like those that it was trained on; mode and the sizes of parts \
                 are in maps.json of the experiment",
            ))
    }
}
