//! Vectors of labels.

use std::borrow::Cow;

/// A label for each lane of a wire; a program's inputs stay where they are.
pub type Labels<'a> = Cow<'a, [u128]>;
