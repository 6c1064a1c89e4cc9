//! The page that `--web` gives to browsers: the files of `protocol/web/page`, as they are.

use gazelle_service::websocket::PageFile;

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! page_file {
    ($path:literal, $media_type:expr, $name:literal) => {
        PageFile {
            path: $path,
            media_type: $media_type,
            bytes: include_bytes!(concat!("../../../web/page/", $name)),
        }
    };
}

pub(super) const FILES: &[PageFile] = &[
    page_file!("/", "text/html; charset=utf-8", "index.html"),
    page_file!("/style.css", "text/css; charset=utf-8", "style.css"),
    page_file!("/page.js", SCRIPT, "page.js"),
    page_file!("/worker.js", SCRIPT, "worker.js"),
    page_file!("/gazelle_web.js", SCRIPT, "gazelle_web.js"),
    page_file!("/gazelle_web_bg.wasm", "application/wasm", "gazelle_web_bg.wasm"),
];
