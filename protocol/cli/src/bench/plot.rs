//! Pictures of measurements, as SVG.

use super::measure::{LayerCost, Measurement};
use crate::failure::{Failure, Result};
use plotters::prelude::*;
use std::path::Path;

/// Of a picture with two charts, in pixels.
const SIZE: (u32, u32) = (960, 420);

const TEXT: (&str, u32) = ("sans-serif", 14);
const TITLE: (&str, u32) = ("sans-serif", 18);

/// One named series of bars or points.
struct Series<'a> {
    name: &'a str,
    colour: RGBColor,
    values: Vec<f64>,
}

/// Seconds and bytes of every layer, offline beside online.
pub(super) fn layers(path: &Path, measurement: &Measurement) -> Result<()> {
    let layers = &measurement.layers;
    let series = |name, colour, of: fn(&LayerCost) -> f64| Series {
        name,
        colour,
        values: layers.iter().map(of).collect(),
    };
    let seconds = [
        series("linear, offline", BLUE, |l| 1e3 * l.seconds.linear),
        series("garbled tables, offline", CYAN, |l| 1e3 * l.seconds.tables),
        series("online", RED, |l| 1e3 * l.seconds.online),
    ];
    let bytes = [
        series("offline", BLUE, |l| l.offline_bytes as f64 / 1e6),
        series("online", RED, |l| l.online_bytes as f64 / 1e6),
    ];
    let name = &measurement.network;
    draw(path, |left, right| {
        bars(left, &format!("{name}: milliseconds per layer"), &seconds)?;
        bars(right, &format!("{name}: megabytes per layer"), &bytes)
    })
}

/// Seconds against activations and against products, over networks of growing width.
pub(super) fn scaling(path: &Path, measurements: &[Measurement]) -> Result<()> {
    let total = |m: &Measurement, of: fn(&LayerCost) -> f64| m.layers.iter().map(of).sum::<f64>();
    let points = |x: fn(&LayerCost) -> f64, y: fn(&Measurement) -> f64| -> Vec<(f64, f64)> {
        measurements.iter().map(|m| (total(m, x), y(m))).collect()
    };
    let thousands = |l: &LayerCost| l.activations as f64 / 1e3;
    let millions = |l: &LayerCost| l.products as f64 / 1e6;
    let online = points(thousands, |m| 1e3 * m.online.phase.seconds);
    let offline = points(millions, |m| 1e3 * m.offline.phase.seconds);
    draw(path, |left, right| {
        line(left, "online", "thousands of activations", &online)?;
        line(right, "offline", "millions of multiply–accumulates", &offline)
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// A picture of two charts side by side.
fn draw(path: &Path, charts: impl FnOnce(&Area<'_>, &Area<'_>) -> Drawn) -> Result<()> {
    let drawn = || -> Drawn {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 / 2);
        charts(&left, &right)?;
        root.present()?;
        Ok(())
    };
    drawn().map_err(|error| Failure::new(format!("cannot draw {}: {error}", path.display())))
}

/// Groups of bars, one group for each layer.
fn bars(area: &Area<'_>, title: &str, series: &[Series<'_>]) -> Drawn {
    let groups = series.first().map_or(0, |series| series.values.len());
    let most = largest(series.iter().flat_map(|series| series.values.iter().copied()));
    let mut chart = ChartBuilder::on(area)
        .caption(title, TITLE)
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(48)
        .build_cartesian_2d(0.5..groups as f64 + 0.5, 0.0..most)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("layer")
        .x_labels(groups)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .label_style(TEXT)
        .draw()?;
    let width = 0.8 / series.len() as f64;
    for (index, Series { name, colour, values }) in series.iter().enumerate() {
        let bar = |(group, &value): (usize, &f64)| {
            let left = group as f64 + 0.6 + index as f64 * width;
            Rectangle::new([(left, 0.0), (left + width, value)], colour.filled())
        };
        chart
            .draw_series(values.iter().enumerate().map(bar))?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .label_font(TEXT)
        .draw()?;
    Ok(())
}

/// Points, joined.
fn line(area: &Area<'_>, title: &str, x: &str, points: &[(f64, f64)]) -> Drawn {
    let (right, top) = (largest(points.iter().map(|p| p.0)), largest(points.iter().map(|p| p.1)));
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{title}: milliseconds"), TITLE)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart.configure_mesh().x_desc(x).label_style(TEXT).draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), BLUE))?;
    chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, BLUE.filled())))?;
    Ok(())
}

/// The end of an axis: a little above the largest value.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    1.1 * values.fold(f64::MIN_POSITIVE, f64::max)
}
