//! Pictures, data sets, quantisation and the networks of the zoo.

mod dataset;
mod files;
mod image;
mod quantise;
mod zoo;
