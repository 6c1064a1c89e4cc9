//! `gazelle bench`: a network between two processes, measured.

mod measure;
mod plot;
mod process;

use crate::{
    args::{BenchArgs, NetworkName},
    failure::{Failure, Result, While},
    files, output,
    pixel_args::PixelArgs,
    serve, table,
};
use clap::ValueEnum;
use gazelle_import::{quantise, zoo};
use gazelle_model::Network;
use measure::{LayerCost, Measurement, PhaseCost, Task, measure};
use std::path::Path;

/// Widths of the scaling plot: multiples of network D's maps.
const WIDTHS: [usize; 4] = [1, 2, 4, 8];

/// Images that an ONNX network is quantised on.
const CALIBRATION: usize = 16;

/// Bits of an ONNX network's weights.
const WEIGHT_BITS: u32 = 8;

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    serve::set_threads(args.threads.into())?;
    if let Some(path) = &args.scaling {
        return scaling(args, path);
    }
    let measurement = measure(&task(args, &network(&args.network)?))?;
    if let Some(path) = &args.plot {
        plot::layers(path, &measurement)?;
    }
    print(args, &measurement)
}

/// Networks of growing width, one after the other.
fn scaling(args: &BenchArgs, path: &Path) -> Result<()> {
    let mut measurements = Vec::new();
    for width in WIDTHS {
        let measurement = measure(&task(args, &zoo::wide(width)))?;
        print(args, &measurement)?;
        measurements.push(measurement);
    }
    plot::scaling(path, &measurements)
}

fn task<'a>(args: &BenchArgs, network: &'a Network) -> Task<'a> {
    let BenchArgs { images, runs, link, engine, threads, .. } = *args;
    let (images, runs, threads) = (images as usize, runs as usize, threads.into());
    Task { network, images, runs, link, engine, threads }
}

/// A benchmark network by its name, or one from a file.
fn network(name: &str) -> Result<Network> {
    let path = Path::new(name);
    if let Some(network) = zoo::network(&name.to_lowercase()) {
        return Ok(network);
    }
    // Two of the bundled networks have names of those above, and their shapes.
    match NetworkName::from_str(name, true) {
        Ok(bundled) => bundled.network(),
        _ if !path.exists() => Err(Failure::new(format!(
            "there is no network or file `{name}`; give a file, one with random weights ({}), or \
             fashion-mnist or pneumonia, which come with this program",
            zoo::NAMES.join(", ")
        ))),
        _ if path.extension().is_some_and(|extension| extension == "onnx") => onnx(path),
        _ => files::read_network(path),
    }
}

/// An ONNX network, quantised on the images that are measured: costs hardly depend on them.
fn onnx(path: &Path) -> Result<Network> {
    let float = files::read_onnx(path, None, &[], &PixelArgs::default())?;
    let images = measure::random_images(float.input().len(), CALIBRATION);
    quantise(&float, &images, WEIGHT_BITS).when(|| path.display().to_string())
}

fn print(args: &BenchArgs, measurement: &Measurement) -> Result<()> {
    if args.json {
        let mut object = measurement.clone();
        if !args.layers {
            object.layers.clear();
        }
        return output::raw(serde_json::to_string(&object).expect("strings and numbers are JSON"));
    }
    output::line(summary(measurement))?;
    if args.layers {
        output::line(format_args!("\n{}", layers(&measurement.layers).trim_end()))?;
    }
    Ok(())
}

/// The table of phases, for one image; round trips are the batch's.
fn summary(measurement: &Measurement) -> String {
    let Measurement { setup, offline, online, .. } = measurement;
    let link = measurement.link.as_deref().unwrap_or("loopback");
    let headings = [
        "phase",
        "seconds",
        "client CPU s",
        "server CPU s",
        "bytes up",
        "bytes down",
        "batch rounds",
    ];
    let cpu = |seconds: Option<f64>| seconds.map_or("–".into(), |s| format!("{s:.4}"));
    let row = |(name, cost): (&str, &PhaseCost)| {
        [
            name.into(),
            format!("{:.4}", cost.phase.seconds),
            cpu(cost.cpu_seconds_client),
            cpu(cost.cpu_seconds_server),
            table::grouped(cost.phase.bytes_up),
            table::grouped(cost.phase.bytes_down),
            cost.phase.rounds.to_string(),
        ]
    };
    let phases = [("set-up", setup), ("offline", offline), ("online", online)].map(row);
    let rows: Vec<_> = [headings.map(String::from)].into_iter().chain(phases).collect();
    let memory = |bytes: Option<u64>| {
        bytes.map_or("unknown".into(), |bytes| format!("{} MiB", bytes.div_ceil(1 << 20)))
    };
    format!(
        "{}: {} images a batch, median of {} runs, {} threads a party, {link}\n\n{}\npeak memory: \
         client {}, server {}\nequals the plaintext network: {}",
        measurement.network,
        measurement.images,
        measurement.runs,
        measurement.threads,
        table::table(&rows),
        memory(measurement.peak_memory_client),
        memory(measurement.peak_memory_server),
        if measurement.matches_plaintext { "yes" } else { "no" },
    )
}

/// The table of layers, for one image.
fn layers(layers: &[LayerCost]) -> String {
    let headings = [
        "layer",
        "engine",
        "linear s",
        "tables s",
        "online s",
        "activations",
        "offline bytes",
        "online bytes",
    ];
    let row = |layer: &LayerCost| {
        let seconds = [layer.seconds.linear, layer.seconds.tables, layer.seconds.online];
        let [linear, tables, online] = seconds.map(|s| format!("{s:.4}"));
        [
            layer.name.clone(),
            layer.engine.into(),
            linear,
            tables,
            online,
            table::grouped(layer.activations as u64),
            table::grouped(layer.offline_bytes),
            table::grouped(layer.online_bytes),
        ]
    };
    let rows: Vec<_> =
        [headings.map(String::from)].into_iter().chain(layers.iter().map(row)).collect();
    table::table(&rows)
}
