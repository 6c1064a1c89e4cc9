//! Pictures, quantisation and the networks of the zoo.

mod files;
mod image;
mod quantise;
mod zoo;
