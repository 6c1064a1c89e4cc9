//! Completions and man pages.

use crate::support::{fail, gazelle, succeed};

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = succeed(["completions", shell]);
        for word in ["gazelle", "classify", "plaintext", "keygen"] {
            assert!(script.contains(word), "no {word} for {shell}");
        }
    }
    let line = fail(2, ["completions", "tcsh"]);
    assert!(line.contains("tcsh") && line.contains("zsh"), "{line}");
}

#[test]
fn a_man_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    succeed(["man", folder.path().to_str().unwrap()]);
    for (page, words) in [
        ("gazelle.1", "Exit codes"),
        ("gazelle-serve.1", "max\\-clients"),
        ("gazelle-classify.1", "plaintext"),
        ("gazelle-config-check.1", "FILE"),
    ] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(words), "no {words} in {page}: {text}");
    }
}

/// Nothing is coloured unless somebody looks at it, and nothing at all where NO_COLOR is set.
#[test]
fn no_colours_in_pipes() {
    for variable in ["NO_COLOR", "UNUSED"] {
        let output = gazelle().arg("--help").env(variable, "1").output().unwrap();
        assert!(output.status.success() && !output.stdout.contains(&0x1b));
    }
}
