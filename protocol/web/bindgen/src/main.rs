//! Writes the page's JavaScript interface from the compiled client: `IN.wasm OUT-DIR`.

use std::process::exit;

use wasm_bindgen_cli_support::Bindgen;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: gazelle-web-bindgen IN.wasm OUT-DIR");
        exit(2)
    };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .typescript(false)
        .remove_name_section(true)
        .omit_default_module_path(false);
    let written = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder));
    if let Err(error) = written {
        eprintln!("{error:?}");
        exit(1)
    }
}
