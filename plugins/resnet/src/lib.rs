//! Residual networks: ClinicaDL's ResNet3D and SqueezeExcitationCNN for any input and any number of
//! outputs, and torchvision's ResNet-18.

use neurhai_plugin::export_plugin;

mod resnet18;
mod resnet3d;
mod squeeze_excitation;
#[cfg(test)]
mod tests;

export_plugin!("resnet", env!("CARGO_PKG_VERSION"), |registrar| {
    registrar.architecture(resnet3d::ResNet3D)?;
    registrar.architecture(squeeze_excitation::SqueezeExcitationCnn)?;
    registrar.architecture(resnet18::ResNet18)?;
    Ok(())
});
