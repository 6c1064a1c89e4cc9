//! The geometry of kernels and pooling windows in ONNX's attributes.

use super::attributes::Attributes;
use super::fault::NodeFault;
use gazelle_model::{Extent, MAX_SIDE, Padding, Shape, Window};

/// Who slides the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowKind {
    Convolution,
    Max,
    Average,
}

/// A window, what its kernel skips, and the padding that the file states: ceil_mode adds more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) window: Window,
    pub(super) dilation: Extent,
    pub(super) stated: Padding,
}

/// Reads kernel_shape (or takes the weights' `kernel`), strides, dilations, pads, auto_pad and
/// ceil_mode, for maps that have `before` around them already.
pub(super) fn read(
    attributes: &Attributes<'_>,
    kernel: Option<Extent>,
    input: Shape,
    before: Padding,
    kind: WindowKind,
) -> Result<Geometry, NodeFault> {
    let dilation = extent("dilations", attributes.pair("dilations", 1)?)?;
    if kind != WindowKind::Convolution && dilation != Extent::square(1) {
        return Err(NodeFault::Unsupported("pooling with dilations; use 1".into()));
    }
    let stated = match attributes.ints("kernel_shape") {
        Some(_) => Some(extent("kernel_shape", attributes.pair("kernel_shape", 1)?)?),
        None => None,
    };
    let kernel = match (stated, kernel) {
        (Some(stated), Some(kernel)) if stated != kernel => {
            return Err(NodeFault::Shape("kernel_shape is not the weights' shape".into()));
        }
        (stated, kernel) => stated.or(kernel).ok_or(NodeFault::Missing("kernel_shape"))?,
    };
    let stride = extent("strides", attributes.pair("strides", 1)?)?;
    let reach = |taps: usize, step: usize| (taps - 1).saturating_mul(step) + 1;
    let reached =
        Extent::new(reach(kernel.height, dilation.height), reach(kernel.width, dilation.width));
    let mut window = Window::new(reached, stride, Padding::NONE);
    let outer = Shape {
        height: input.height + before.top + before.bottom,
        width: input.width + before.left + before.right,
        ..input
    };
    let own = padding(attributes, &window, outer)?;
    window.padding = Padding {
        top: own.top + before.top,
        left: own.left + before.left,
        bottom: own.bottom + before.bottom,
        right: own.right + before.right,
    };
    let stated = window.padding;
    if kind != WindowKind::Convolution && attributes.int("ceil_mode", 0) != 0 {
        round_up(&mut window, input);
    }
    slide(&window, input)?;
    window.kernel = kernel;
    Ok(Geometry { window, dilation, stated })
}

/// The shape after sliding the window over `input`.
pub(super) fn slide(window: &Window, input: Shape) -> Result<Shape, NodeFault> {
    window.slide(input).ok_or_else(|| {
        let Window { kernel, stride, .. } = window;
        NodeFault::Shape(format!(
            "a window of {kernel} with stride {stride} does not fit a map of {}, or is too large",
            input.extent()
        ))
    })
}

fn extent(name: &str, pair: [i64; 2]) -> Result<Extent, NodeFault> {
    match pair.map(|size| usize::try_from(size).unwrap_or(0)) {
        [height @ 1..=MAX_SIDE, width @ 1..=MAX_SIDE] => Ok(Extent { height, width }),
        _ => Err(NodeFault::Unsupported(format!("{name} {pair:?}"))),
    }
}

fn padding(
    attributes: &Attributes<'_>,
    window: &Window,
    input: Shape,
) -> Result<Padding, NodeFault> {
    let Window { kernel, stride, .. } = *window;
    match attributes.text("auto_pad") {
        b"" | b"NOTSET" => {}
        b"VALID" => return Ok(Padding::NONE),
        same @ (b"SAME_UPPER" | b"SAME_LOWER") => {
            let split = |size: usize, kernel: usize, stride: usize| {
                let total = (((size - 1) / stride) * stride + kernel).saturating_sub(size);
                let less = total / 2;
                if same == b"SAME_UPPER" { (less, total - less) } else { (total - less, less) }
            };
            let (top, bottom) = split(input.height, kernel.height, stride.height);
            let (left, right) = split(input.width, kernel.width, stride.width);
            return Ok(Padding { top, left, bottom, right });
        }
        other => {
            let other = String::from_utf8_lossy(other);
            return Err(NodeFault::Unsupported(format!("auto_pad {other}")));
        }
    }
    let pads = attributes.ints("pads").unwrap_or(&[0; 4]);
    let sizes: Vec<usize> = pads.iter().filter_map(|&p| p.try_into().ok()).collect();
    match sizes[..] {
        [top, left, bottom, right] if sizes.len() == pads.len() => {
            match sizes.iter().all(|&p| p <= MAX_SIDE) {
                true => Ok(Padding { top, left, bottom, right }),
                false => Err(NodeFault::Unsupported(format!("pads {pads:?}"))),
            }
        }
        _ => Err(NodeFault::Unsupported(format!("pads {pads:?}"))),
    }
}

/// ceil_mode: a last, partial window counts if it starts on the map. Padding after the map makes
/// it whole.
fn round_up(window: &mut Window, input: Shape) {
    let Window { kernel, stride, padding } = window;
    let more = |size: usize, before: usize, after: usize, kernel: usize, stride: usize| {
        let rest = (size + before + after).saturating_sub(kernel) % stride;
        let start = size + before + after - kernel.min(size + before + after) - rest + stride;
        let extra = if rest != 0 && start < size + before { stride - rest } else { 0 };
        after + extra
    };
    padding.bottom = more(input.height, padding.top, padding.bottom, kernel.height, stride.height);
    padding.right = more(input.width, padding.left, padding.right, kernel.width, stride.width);
}
