//! The list of error codes. A code, once published, keeps its meaning.

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $resolution:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as printed: `E0201`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What the code means, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What usually causes it, and what to do.
            pub const fn resolution(self) -> &'static str {
                match self { $(Self::$name => $resolution,)* }
            }

            /// The code that is printed as `id`, whatever the case.
            pub fn find(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
            }
        }
    };
}

codes! {
    // 01: scripts and configuration.
    ScriptError = "E0101", "The script stopped with an error",
        "The message shows the line and, with a caret, the place. Errors inside a function also list the calls that led there.";
    ScriptLimit = "E0102", "The script exceeded a limit of the sandbox",
        "Scripts may not run for ever, nest without end or build values without bound. Training itself does not count: only the script's own loops and values do. Look for a loop that never ends.";
    UnknownOption = "E0103", "An option that does not exist",
        "The name is not among the options of this function or layer. The message suggests the nearest one and lists them all.";
    BadOption = "E0104", "An option with a wrong type or a value out of range",
        "The message says which type and range the option has and what was given.";
    MissingOption = "E0105", "An option that has no default was not given",
        "Add the option that the message names; the message also says what it holds and of which type.";
    UnknownName = "E0106", "A layer, architecture, metric or other entry that is not registered",
        "The message suggests the nearest name. Entries come from the program itself, from plugins, and from scripts that were imported before use.";
    NameTaken = "E0107", "A name was registered twice",
        "The message names both origins. Choose another name for the later one.";
    BadConfiguration = "E0109", "A configuration file cannot be used",
        "Options are read from .toml and .json files with the names that train takes, as host schema describes them, and from the maps.json of an experiment. The message says what the file is instead, or where it is broken.";

    // 02: networks.
    ShapeMismatch = "E0201", "A layer cannot take the shape it is given",
        "The message names the layer by its path, the shape that reaches it and what it needs. Change the layer's options, or the layers before it.";
    KernelTooLarge = "E0202", "A kernel is larger than its padded input",
        "The maps have become smaller than the kernel: use fewer pooling or strided layers, a smaller kernel, more padding, or larger input.";
    BadNetwork = "E0203", "A network description is malformed",
        "A network is a list of named parts, each a list of layers; a layer is a kind and its options. The message says which element is not.";
    Torch = "E0204", "libtorch refused an operation",
        "libtorch's own message follows. In a script's own layers and tensor functions, shapes or kinds of numbers do not fit. If a network of built-in layers passed the shape check this is a defect of this program: please report it with the script.";
    WeightsMismatch = "E0205", "Saved weights do not fit the network",
        "The message lists tensors that are missing, unexpected or of another shape. Load them into the network they were saved from.";

    NoTranspose = "E0206", "A layer cannot be undone in a decoder",
        "No transpose rule is registered for this kind of layer, or its rule does not restore the shape. Register one with transpose(LAYER, |l| [ … ]) in a script, or in a plugin.";
    NotDifferentiable = "E0207", "The output cannot be differentiated by the image",
        "Methods that look at gradients need a network that computes with tensors from the image to its output. A layer of a plugin or script may have turned tensors into numbers and back. The method occlusion needs no gradients.";
    MapNotFinite = "E0208", "An attribution map holds NaN or infinite values",
        "The network's output or its gradient overflows for this image. Look at its layers, such as divisions, square roots and logarithms in layers of scripts; the method occlusion needs no gradients.";

    // 03: files and images.
    FileNotFound = "E0301", "A file or folder does not exist",
        "Check the path. Relative paths in a script count from the folder the program was started in.";
    FileAccess = "E0302", "A file or folder cannot be read or written",
        "Check the permissions of the file and of the folders above it, and that the disk is mounted and healthy.";
    DiskFull = "E0303", "The disk is full",
        "Nothing that was there before is lost: files are written beside and renamed. Free some space and start again.";
    BadImage = "E0304", "An image cannot be read",
        "The file is damaged, cut short, or not what its name says. Copy it again from its source, or convert it to NIfTI with a current tool.";
    UnsupportedImage = "E0305", "An image of a kind that is not supported",
        "NIfTI-1 and NIfTI-2 with real numbers are read. Convert the file, for example with nibabel.";
    ImageMissing = "E0306", "A session has no image of the kind asked for",
        "The message gives the pattern that was searched. Check the preprocessing option and that the pipeline has run for this session.";
    ImageAmbiguous = "E0307", "A session has several images of the kind asked for",
        "The message lists them. Make the pattern more precise, or move the surplus files away.";
    ImageConstant = "E0308", "An image holds the same value everywhere",
        "Such an image carries no information and cannot be normalised. Repeat its preprocessing, or leave the session out.";
    ImageNotFinite = "E0309", "An image holds NaN or infinite values",
        "Repeat its preprocessing, leave the session out, or ask for such values to be replaced with the option nan: \"replace\".";
    ImageShape = "E0310", "An image has another shape than the rest",
        "All images of a run must share one shape. The message names the odd ones; preprocess them like the others.";
    BadCaps = "E0311", "A folder is not a CAPS",
        "A CAPS holds subjects/sub-X/ses-Y/…; the message says what was found instead.";
    BadMask = "E0312", "A region's mask is missing or not usable",
        "Masks lie in masks/tpl-TEMPLATE of the CAPS, hold only 0 and 1, have the image's shape, and lie where it lies. The message says what was searched and found.";
    BadTensor = "E0313", "A tensor file cannot be used",
        "The .pt file is missing, damaged or of another shape than the image it was cut from. Write it again, or leave out the option that asks for it.";
    MixedImages = "E0314", "Cohorts hold images of different kinds",
        "All cohorts of a run need images of one modality and preprocessing, by what their file names say. Make the pattern more precise, or preprocess the cohorts alike.";
    ImageUnlike = "E0318", "An image lies in space, or is stored, otherwise than the rest",
        "The voxels of the images do not mean the same places: one is turned, mirrored, shifted or of another spacing, or has lost levels of intensity where it was written. Preprocess it like the others.";
    ImageDuplicate = "E0319", "Two sessions hold the same image",
        "Voxel by voxel they are equal, so one of them is a copy under another name. Find out whose image it is, and leave the other session out: a copy on both sides of a split makes results too good.";
    PreparedOtherwise = "E0316", "Tensors of this name were cut otherwise",
        "The JSON in tensor_extraction of the CAPS says how tensors were cut, and it says something else. Give the new ones a name of their own with --name, or move the old JSON away. The names of regions do not say of which image they are (tracer, cropped or not): regions of a second image need the roi_based folders of the first one moved away.";

    // 04: tables, labels and splits.
    BadTable = "E0401", "A table is malformed",
        "Tables are text with tab-separated columns and a header line. The message gives the file and row.";
    MissingColumn = "E0402", "A table lacks a column",
        "The message lists the columns that are there and the nearest name.";
    DuplicateRow = "E0403", "A session is listed twice",
        "Each pair of participant_id and session_id may stand once in a table. Delete the surplus row.";
    MissingValue = "E0404", "A cell that is needed is empty",
        "The message gives file, row and column. Fill it in or leave the row out.";
    Leakage = "E0405", "A participant is on both sides of a split",
        "Results would be too good: the network is judged on people it was trained on. Split by participant, not by session or image.";
    BadSplit = "E0406", "A split folder does not hold what is needed",
        "A split has train.tsv and validation.tsv (or their _baseline forms), directly or in folders split-0, split-1, …. The message lists what was found.";
    BadClasses = "E0407", "The classes do not allow the task",
        "Classification needs two classes or more, each with members in the training set, and no class in validation that is not in training.";
    BadValue = "E0408", "A cell holds a value of the wrong kind",
        "The message gives file, row, column and the value found.";
    EmptySelection = "E0409", "Nothing is there to work on, or nothing is left after selection",
        "The table or folder holds no session at all, or the wanted classes or sessions do not occur in it; then the message shows which values do.";
    AmbiguousId = "E0412", "Two ids or values differ only in how they are written",
        "ses-M0 and ses-M00, or AD and ad, are taken for different things, because ids are never rewritten. Write one thing in one way, or rename what is truly another.";
    UnknownClass = "E0410", "A class that the network does not know",
        "A network tells the classes apart that it was trained on. Ask only for sessions of these, name another label column, or predict without labels.";

    // 05: training.
    LossNotFinite = "E0501", "The loss became NaN or infinite",
        "Usually the learning rate is too high, or an image holds extreme values. The message names the epoch, the batch, its participants and the first layer with a non-finite output; the last good checkpoint stays.";
    OutOfMemory = "E0502", "Not enough memory for a batch",
        "Lower batch_size (and raise accumulation_steps to keep the effective size), use patches, or a smaller network.";
    DeviceUnavailable = "E0503", "The device asked for is not there",
        "Ask for \"cpu\" or \"auto\". For a GPU, libtorch must be a CUDA build and the driver must see the device.";
    Interrupted = "E0504", "The run was interrupted",
        "What training has done up to the last finished step is saved in the experiment folder, and what host prepare wrote stays in the CAPS: both go on from there. Other commands leave nothing of their work, and what was there before as it was.";
    NoGradient = "E0505", "The loss does not depend on what the network learns",
        "Nothing can be learned from it. A loss or layer of a plugin or script may have left the record of operations, for example by turning a tensor into numbers and back; or the network has no parameters at all.";

    // 06: the experiment folder.
    OutputInUse = "E0601", "The output holds something already",
        "Results are never overwritten. Choose another output, or move the old one away.";
    OutputLocked = "E0602", "Another process writes to this experiment folder",
        "Wait until it has finished, or stop it. The lock goes with the process, whatever way it ends.";
    BadMaps = "E0603", "An experiment folder lacks something or is damaged, or the folder is none",
        "The message says which file is missing or cannot be read.";
    BadWeights = "E0604", "A file of weights cannot be read",
        "Weights are safetensors, or what torch.save wrote of a state dictionary, alone or as ClinicaDL keeps it. The message says why this file is neither; nothing in it is run.";
    Tracking = "E0608", "A tracking server does not take the records of a run",
        "It does not answer, refuses, or is no MLflow server; the message says what it said. Nothing is lost: all records are in the experiment folder, and host track push sends what the server lacks as soon as it can be reached.";
    GroupInUse = "E0605", "A group of this name is in the experiment already",
        "Results are not overwritten unless that is asked for. Choose another name, or pass overwrite: the message before says what is replaced then, and the old results stay until the new ones are complete.";
    InterpretationInUse = "E0610", "An interpretation of this name is in the experiment already",
        "Results are not overwritten unless that is asked for. Choose another name, or pass overwrite: the old maps stay until the new ones are complete.";

    // 07: arithmetic.
    UndefinedVote = "E0701", "A vote cannot be taken",
        "All parts have weight zero, or an image lacks a part. The message names it.";

    UndefinedMetric = "E0702", "A metric gives a value that it cannot have",
        "The value is infinite, or outside of the range that the metric itself is registered with. Mend the metric, or its range.";

    // 08: plugins and other extensions.
    BadPlugin = "E0801", "A file is not a plugin that this program can load",
        "The message says why: it is no library, cut short, for another machine, built for another plugin interface or another libtorch, or it failed while it registered. Nothing of it is used. Build it again with the SDK of this version, or take it out of the folder.";
    UnsafePlugin = "E0802", "A plugin could have been changed by someone else",
        "Plugins run with all your rights, so a file or folder that every user may write to is refused. Take the right away (chmod o-w), or pass --allow-writable-plugins.";
    PluginFailed = "E0803", "A plugin failed while it was used",
        "The message names the plugin, its file and what it said. Its author can mend it; without it, leave its entries out of the script.";
    MissingExtension = "E0804", "An experiment needs plugins or scripts that are not loaded",
        "The message lists what is missing and where it came from. Pass the folder with --plugins, or import the script that registers it; the experiment folder keeps a copy of the scripts.";

    // 09: defects.
    Internal = "E0901", "A defect of this program",
        "This should not happen. Please report it with the message and the script.";
}
