//! Hints that are made ahead: built, looked at, served again and again, kept by clients.

use crate::support::{Server, fail, gazelle, repository, succeed};
use serde_json::Value;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("the folder's name is text")
}

#[test]
fn a_hint_made_ahead_is_served_at_every_start_and_kept_by_clients() {
    let folder = tempfile::tempdir().unwrap();
    let hint = folder.path().join("d.hint");
    let model = repository("models/fashion-mnist-d.gazelle");
    let image = repository("models/samples/0000-ankle-boot.png");
    let (model, hint) = (text(&model), text(&hint));
    let built: Value =
        serde_json::from_str(&succeed(["hint", "build", model, "-o", hint, "--json"])).unwrap();
    let inspect = ["hint", "inspect", hint, "--model", model, "--json"];
    assert_eq!(serde_json::from_str::<Value>(&succeed(inspect)).unwrap(), built);
    let name = built["name"].as_str().unwrap();
    assert!(succeed(["hint", "inspect", hint]).contains(name));
    assert_eq!(built["layers"].as_array().unwrap().len(), 4);
    let layers = built["layers"].as_array().unwrap().iter();
    let bytes: u64 = layers.map(|layer| layer["bytes"].as_u64().unwrap()).sum();
    assert!((0..200).contains(&(built["bytes"].as_u64().unwrap() - bytes)), "{built}");

    let cache = folder.path().join("cache");
    for _ in 0..2 {
        let mut server = Server::start(&["--model", model, "--hint", hint]);
        assert!(server.line().starts_with("card "));
        let line = server.line();
        assert!(line.starts_with(&format!("hint {name} ")), "{line}");
        let mut classify = gazelle();
        classify.env("XDG_CACHE_HOME", &cache).args(["classify", "--plaintext", "--server"]);
        let output = classify.arg(&server.address).arg(&image).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let kept = std::fs::read_dir(cache.join("gazelle/hints")).unwrap();
        let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(kept, [name]);
    }
    let mut list = gazelle();
    let output = list.env("XDG_CACHE_HOME", &cache).args(["hint", "inspect"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(name));

    // Another link plans other messages; another model has other weights; a key is needed.
    let other = repository("models/fashion-mnist-mobilenet.gazelle");
    let message =
        fail(1, ["serve", "--plaintext=anywhere", "--model", text(&other), "--hint", hint]);
    assert!(message.contains("build it anew"), "{message}");
    std::fs::remove_file(folder.path().join("d.hint.key")).unwrap();
    let message = fail(1, ["serve", "--plaintext=anywhere", "--model", model, "--hint", hint]);
    assert!(message.contains("d.hint.key"), "{message}");
}

#[test]
fn a_hint_is_not_written_over_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(repository("models/fashion-mnist-d.gazelle")).unwrap();
    for (model, output) in [("model.gazelle", "model.gazelle"), ("model.key", "model")] {
        let [model, output] = [model, output].map(|name| folder.path().join(name));
        std::fs::write(&model, &bytes).unwrap();
        let message = fail(1, ["hint", "build", text(&model), "-o", text(&output)]);
        assert!(message.contains("is the network itself"), "{message}");
        assert!(std::fs::read(&model).unwrap() == bytes);
    }
    let model = folder.path().join("model.key");
    let message = fail(1, ["hint", "build", text(&model), "-o", "no/such/folder/hint"]);
    assert!(message.contains("there is no such folder"), "{message}");
}

#[test]
fn a_hint_without_its_model_is_not_left_out_silently() {
    let folder = tempfile::tempdir().unwrap();
    let (config, model) =
        (folder.path().join("gazelle.toml"), repository("models/fashion-mnist-d.gazelle"));
    let entry = format!("[[model]]\nname = \"d\"\nfile = \"{}\"\n", text(&model));
    std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\nplaintext = \"here\"\n{entry}"))
        .unwrap();
    let message = fail(1, ["serve", "--config", text(&config), "--hint", "d.hint"]);
    assert!(message.contains("in its [[model]]"), "{message}");
}

/// One model under three names, each with the hint for so many images; a client takes the one it asks for.
#[test]
fn a_server_has_hints_for_few_images_and_for_many() {
    let folder = tempfile::tempdir().unwrap();
    let (model, file) =
        (repository("models/fashion-mnist-d.gazelle"), folder.path().join("gazelle.toml"));
    let images = [("once", 1), ("often", 10), ("always", 100)];
    let models = images.map(|(name, images)| {
        let file = text(&model);
        format!("[[model]]\nname = \"{name}\"\nfile = \"{file}\"\nhint-images = {images}\n")
    });
    let flags =
        "listen = \"127.0.0.1:0\"\nplaintext = \"anywhere\"\nlinear = \"hint\"\nlink = \"wan\"\n";
    std::fs::write(&file, format!("{flags}{}", models.concat())).unwrap();
    let server = Server::run(&["--config", text(&file)]);
    let image = repository("models/samples/0000-ankle-boot.png");
    let lens = images.map(|(name, _)| {
        let cache = folder.path().join(name);
        let mut classify = gazelle();
        classify.env("XDG_CACHE_HOME", &cache).args(["classify", "--plaintext", "--server"]);
        let output = classify.arg(&server.address).args(["--model", name]).arg(&image).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut kept = std::fs::read_dir(cache.join("gazelle/hints")).unwrap();
        kept.next().unwrap().unwrap().metadata().unwrap().len()
    });
    assert!(lens[0] < lens[1] && lens[1] < lens[2], "{lens:?}");

    let output = folder.path().join("d.hint");
    let flags = ["hint", "build", text(&model), "-o", text(&output), "--link", "wan", "--json"];
    let more = |more: &[&'static str]| -> u64 {
        let built = succeed(flags.iter().chain(more));
        serde_json::from_str::<Value>(&built).unwrap()["bytes"].as_u64().unwrap()
    };
    assert_eq!(more(&["--hint-images", "1"]), lens[0]);
    assert!(more(&["--hint-errors", "never"]) > lens[2]);
}
