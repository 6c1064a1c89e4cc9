"""What the tests share: the repository's models and pictures, real servers, and the program beside the package."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gazelle

REPOSITORY = Path(__file__).resolve().parents[3]
MODELS = REPOSITORY / "models"
MODEL = MODELS / "fashion-mnist-d.gazelle"
ONNX = MODELS / "fashion-mnist-d.onnx"
SAMPLES = sorted((MODELS / "samples").glob("*.png"))

# Shells start what runs in the background with interrupts ignored; these tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def command(*arguments: object) -> str:
    """What the program prints; the package's own where no other is named."""
    named = os.environ.get("GAZELLE_PROGRAM")
    program = [named] if named else [sys.executable, "-m", "gazelle"]
    ran = subprocess.run([*program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def server() -> Iterator[gazelle.Server]:
    with gazelle.Server(MODEL, plaintext=True) as server:
        yield server


@pytest.fixture
def client(server: gazelle.Server) -> Iterator[gazelle.Client]:
    with gazelle.Client(server.address, plaintext=True) as client:
        yield client
