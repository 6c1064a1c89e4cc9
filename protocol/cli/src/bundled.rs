//! The networks and pictures that come with the program.

use crate::{
    args::{ModelArgs, NetworkName},
    failure::{Failure, Result, While},
};
use clap::ValueEnum;
use gazelle_model::Network;

/// The file of a picture.
pub(crate) struct Picture {
    pub(crate) name: &'static str,
    pub(crate) bytes: &'static [u8],
}

impl NetworkName {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }

    pub(crate) fn network(self) -> Result<Network> {
        let bytes: &[u8] = match self {
            Self::FashionMnist => include_bytes!("../../../models/fashion-mnist-d.gazelle"),
            Self::ResNet20 => include_bytes!("../../../models/fashion-mnist-resnet20.gazelle"),
            Self::MobileNet => include_bytes!("../../../models/fashion-mnist-mobilenet.gazelle"),
            Self::Pneumonia => include_bytes!("../../../models/pneumonia-d.gazelle"),
        };
        Network::from_bytes(bytes).when(|| format!("the bundled network {}", self.name()))
    }

    /// The picture that the demo classifies, if one may come with the program.
    pub(crate) fn picture(self) -> Option<Picture> {
        match self {
            Self::FashionMnist | Self::ResNet20 | Self::MobileNet => Some(Picture {
                name: "0000-ankle-boot.png",
                bytes: include_bytes!("../../../models/samples/0000-ankle-boot.png"),
            }),
            Self::Pneumonia => None,
        }
    }
}

impl ModelArgs {
    /// Whether they name one.
    pub(crate) fn is_given(&self) -> bool {
        self.model.is_some() || self.network.is_some()
    }

    /// The network that they name.
    pub(crate) fn network(&self) -> Result<Network> {
        match (&self.model, self.network) {
            (Some(path), _) => crate::files::read_network(path),
            (None, Some(name)) => name.network(),
            (None, None) => Err(Failure::new("give --model FILE or --network NAME")),
        }
    }
}
