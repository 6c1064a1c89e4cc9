"""The server process, and the command that comes with the package."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import MODEL, MODELS, SAMPLES

import gazelle


def ends(process: int, within: float = 60) -> bool:
    """Whether a process that is no child of this one ends."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_server_that_is_closed_is_gone() -> None:
    with gazelle.Server(network="fashion-mnist", plaintext=True) as server:
        with gazelle.Client(server.address, plaintext=True) as client:
            assert client.classify(SAMPLES[0]).name == "Ankle boot"
            hash = client.card.card
    assert server.wait(0) == 0
    assert any(hash in line for line in server.log), server.log
    assert not any("Ankle" in line for line in server.log)
    server.close()
    with pytest.raises(gazelle.ConnectionError):
        gazelle.Client(server.address, plaintext=True, retry=0)


def test_a_server_lives_no_longer_than_its_process() -> None:
    script = "import gazelle, os; s = gazelle.Server(network='fashion-mnist', plaintext=True); print(s._process.pid, flush=True); os._exit(0)"
    started = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ends(int(started.stdout)), started.stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({}, "tls"),
        ({"plaintext": True, "nonsense": 1}, "nonsense"),
        ({"plaintext": True, "reveal": "all"}, "reveal"),
        ({"plaintext": True, "listen": "127.0.0.1"}, "port"),
    ],
)
def test_wrong_flags_are_refused(flags: dict[str, str], says: str) -> None:
    with pytest.raises(gazelle.InputError, match=says):
        gazelle.Server(MODEL, **flags)


def test_files_that_are_no_models_are_refused() -> None:
    with pytest.raises(gazelle.Error, match="README.md"):
        gazelle.Server(MODELS / "README.md", plaintext=True)


def test_the_command_starts_itself_again() -> None:
    ran = subprocess.run([sys.executable, "-m", "gazelle", "demo", "--json"], capture_output=True, text=True, timeout=60)
    assert json.loads(ran.stdout)["matches_plaintext"] is True, ran.stderr


def test_the_command_has_its_exit_codes() -> None:
    program = Path(sys.executable).with_name("gazelle")
    ran = subprocess.run([program, "inspect"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and ran.stderr.startswith("gazelle: "), ran
    address = "127.0.0.1:1"
    ran = subprocess.run([program, "classify", "--plaintext", "--retry", "0", "--server", address, SAMPLES[0]], timeout=60)
    assert ran.returncode == 4


def test_a_configuration_is_read_again(tmp_path: Path) -> None:
    config = tmp_path / "gazelle.toml"
    config.write_text(f'plaintext = true\n[[model]]\nname = "d"\nfile = "{MODEL}"\n')
    with gazelle.Server(config=config) as server:
        config.write_text(f'plaintext = true\n[[model]]\nname = "e"\nfile = "{MODEL}"\n')
        server._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while not any("configuration read again" in line for line in server.log):
            assert time.monotonic() < deadline, server.log
            time.sleep(0.02)
        with gazelle.Client(server.address, plaintext=True, model="e") as client:
            assert client.classify(SAMPLES[0]).name == "Ankle boot"


def test_serve_goes_on_until_it_is_interrupted() -> None:
    script = "import gazelle; gazelle.serve(network='fashion-mnist', plaintext=True, listen='127.0.0.1:0')"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("listening on ").strip()
        with gazelle.Client(address, plaintext=True) as client:
            assert client.classify(SAMPLES[0]).name == "Ankle boot"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    with pytest.raises(gazelle.ConnectionError):
        gazelle.Client(address, plaintext=True, retry=0)
