"""Calls that wait or compute leave other threads alone, and end with Ctrl-C."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, SAMPLES

import gazelle


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


SOON = 60.0
"""Seconds: a busy machine needs less, and what is not interrupted takes longer."""


def interrupted(call: Callable[[], object], after: float = 0.3) -> float:
    """Seconds from an interrupt to the end of a call."""
    sent = 0.0

    def interrupt() -> None:
        nonlocal sent
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    timer.join()
    return time.monotonic() - sent


def test_an_interrupt_ends_a_wait(silent: str) -> None:
    assert interrupted(lambda: gazelle.Client(silent, plaintext=True, setup_timeout=600)) < SOON


def test_an_interrupt_ends_an_import(tmp_path: Path) -> None:
    images = np.random.default_rng(3).integers(0, 256, (1000, 28, 28), np.uint8)
    onnx, output = MODELS / "fashion-mnist-resnet20.onnx", tmp_path / "model.gazelle"
    assert interrupted(lambda: gazelle.import_onnx(onnx, images, output), 0.5) < SOON
    time.sleep(0.2)
    assert not output.exists()


def test_a_client_goes_on_after_an_interrupt() -> None:
    with gazelle.Server(network="fashion-mnist", plaintext=True) as server:
        with gazelle.Client(server.address, plaintext=True) as client:
            before = client.classify(SAMPLES[0])
            assert interrupted(lambda: client.prepare(64), 0.1) < SOON
            assert str(client.classify(SAMPLES[0])) == str(before)


def test_other_threads_go_on_while_a_call_waits(silent: str) -> None:
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(gazelle.ConnectionError):
            gazelle.Client(silent, plaintext=True, setup_timeout=2, retry=0)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    steps = 0
    while not ended.is_set():
        steps += 1
        time.sleep(0.001)
    thread.join()
    assert steps > 10, "one a millisecond for two seconds, on a machine that does other things too"


def test_handlers_of_other_signals_run_meanwhile(silent: str) -> None:
    seen = []
    earlier = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(gazelle.ConnectionError):
            gazelle.Client(silent, plaintext=True, setup_timeout=4, retry=0)
        assert len(seen) == 1 and time.monotonic() - seen[0] > 0.3
    finally:
        signal.signal(signal.SIGALRM, earlier)
