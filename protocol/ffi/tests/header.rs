//! The header declares the functions of the sources, with their arguments.

use std::fs;
use std::path::Path;

/// Names of a function and of its arguments, as they stand behind the name in either language.
fn signatures(text: &str, before: &str, argument: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut all = Vec::new();
    for part in text.split(before).skip(1) {
        let (name, rest) = part.split_once('(').expect("arguments");
        let arguments = rest.split_once(')').expect("the arguments' end").0;
        let names: Vec<String> = arguments.split(',').filter_map(&argument).collect();
        all.push(format!("gazelle_{}({})", name.trim(), names.join(", ")));
    }
    all.sort();
    all
}

#[test]
fn the_header_has_every_function() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for entry in fs::read_dir(folder.join("src")).unwrap() {
        sources += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let rust = |argument: &str| Some(argument.split_once(':')?.0.trim().to_string());
    let expected = signatures(&sources, "extern \"C\" fn gazelle_", rust);
    let header = fs::read_to_string(folder.join("include/gazelle.h")).unwrap();
    let code: Vec<&str> =
        header.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let c = |argument: &str| {
        let name = argument.rsplit([' ', '*']).next()?.trim();
        (!name.is_empty() && name != "void").then(|| name.to_string())
    };
    assert_eq!(signatures(&code.join("\n"), "gazelle_", c), expected);
    assert!(expected.len() > 40);
}
