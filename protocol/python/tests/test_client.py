"""The client against a server process: the same class, bytes and rounds as the command, and its faults."""

import builtins
import io
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL, MODELS, SAMPLES, command
from PIL import Image

import gazelle


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_classes_bytes_and_rounds_are_those_of_the_command(server: gazelle.Server, client: gazelle.Client) -> None:
    asked = ["classify", "--server", server.address, "--plaintext", *SAMPLES[:5]]
    for line, found in zip(command(*asked, "--json").splitlines(), client.classify_all(SAMPLES[:5]), strict=True):
        printed = json.loads(line)
        assert (printed["label"], printed["name"]) == (found.label, found.name)
        assert str(found) == found.name and found.top is None and found.logits is None
    table = [line.replace(",", "").split() for line in command(*asked).splitlines()[-3:]]
    costs = client.costs
    for (name, _, up, down, rounds), phase in zip(table, (costs.setup, costs.offline, costs.online), strict=True):
        assert (int(up), int(down), int(rounds)) == (phase.bytes_up, phase.bytes_down, phase.rounds), name
        assert phase.rounds > 0 and phase.seconds > 0


def test_values_are_those_of_the_plaintext_network() -> None:
    model = gazelle.Model(MODEL)
    images = np.stack([pixels(path)[None] for path in SAMPLES[:4]])
    noise = np.random.default_rng(1).integers(0, 256, (2, 1, 28, 28), np.uint8)
    images = np.concatenate([images, noise])
    with (
        gazelle.Server(MODEL, plaintext=True, reveal="values") as server,
        gazelle.Client(server.address, plaintext=True) as client,
    ):
        assert client.card.output == "10 values" or "values" in client.card.output
        private = np.stack([found.logits for found in client.classify_all(images)])
    assert private.dtype == np.int32 and private.shape == (6, 10)
    np.testing.assert_array_equal(private, model.logits(images))
    assert len(np.unique(private)) > 10


def test_images_in_every_form_are_the_same_pixels(client: gazelle.Client) -> None:
    path = SAMPLES[0]
    picture = Image.open(path)
    array = pixels(path)
    forms = [path, str(path), picture, picture.convert("RGB"), array, array[None], np.stack([array] * 3, axis=2)]
    for form in forms:
        tensor = client.tensor(form)
        assert tensor.shape == (1, 28, 28) and tensor.dtype == np.uint8
        np.testing.assert_array_equal(tensor[0], array)
    assert {client.classify(form).name for form in forms[::3]} == {"Ankle boot"}


def test_colour_comes_to_grey_as_in_files(client: gazelle.Client, tmp_path: Path) -> None:
    colour = np.random.default_rng(2).integers(0, 256, (28, 28, 3), np.uint8)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    of_file = client.tensor(tmp_path / "colour.png")
    np.testing.assert_array_equal(of_file, client.tensor(colour))
    red, green, blue = np.moveaxis(colour.astype(np.uint32), 2, 0)
    np.testing.assert_array_equal(of_file[0], (19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16)


def test_pictures_that_were_held_sideways_are_turned(client: gazelle.Client) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(SAMPLES[0]).save(file, "PNG", exif=exif)
    turned = client.tensor(Image.open(file))
    np.testing.assert_array_equal(turned[0], np.rot90(pixels(SAMPLES[0]), -1))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((28, 28)), "uint8"),
        (np.zeros((27, 28), np.uint8), "28×28"),
        (np.zeros((2, 28, 28), np.uint8), "(1, 28, 28)"),
        (np.zeros((28, 28, 4), np.uint8), "(height, width, 3)"),
        (np.zeros((0, 28), np.uint8), "no pixels"),
        (MODELS / "none.png", "none.png"),
        (MODELS / "README.md", "PNG or JPEG"),
        (Image.new("RGBA", (28, 28)), "transparent"),
        (None, "uint8"),
    ],
)
def test_wrong_images_are_refused_before_anything_is_sent(client: gazelle.Client, image: object, says: str) -> None:
    before = client.costs
    with pytest.raises(gazelle.InputError, match=says.replace("(", r"\(").replace(")", r"\)")) as fault:
        client.classify_all([SAMPLES[0], image])
    assert isinstance(fault.value, ValueError)
    assert client.costs == before


def test_card(client: gazelle.Client) -> None:
    card = client.card
    assert card.input == (1, 28, 28) and len(card.classes) == 10 and card.classes[9] == "Ankle boot"
    assert card == gazelle.Model(MODEL).card == gazelle.inspect(MODEL).card
    assert "Ankle boot" not in repr(card)


def test_what_is_prepared_leaves_the_online_phase(client: gazelle.Client) -> None:
    first = client.prepare(2)
    assert (first.prepared, first.waiting) == (2, 2) and first.offline.bytes_down > 1_000_000
    offline = client.costs.offline
    client.classify_all(SAMPLES[:2])
    assert client.costs.offline == offline
    client.classify(SAMPLES[0])
    assert client.costs.offline.bytes_down > offline.bytes_down


def test_what_is_stored_serves_another_client_and_another_server(tmp_path: Path) -> None:
    command("keygen", tmp_path / "keys", "--server", "localhost", "--client", "alice")
    keys = {"tls": tmp_path / "keys/alice", "store": tmp_path / "client"}
    serving = {"tls": tmp_path / "keys/server", "store": tmp_path / "server.sqlite"}
    with gazelle.Server(MODEL, **serving) as server:
        address = server.address.replace("127.0.0.1", "localhost")
        port = address.rpartition(":")[2]
        with gazelle.Client(address, **keys) as client:
            assert client.prepare(2).waiting == 2
    with gazelle.Server(MODEL, listen=f"127.0.0.1:{port}", **serving), gazelle.Client(address, **keys) as client:
        assert client.classify(SAMPLES[0]).name == "Ankle boot"
        assert client.costs.offline.bytes_down == 0
        with pytest.raises(gazelle.Error, match="tls"):
            gazelle.Client(address, plaintext=True, timeout=60, setup_timeout=60, retry=0)


def test_the_same_through_a_websocket(server: gazelle.Server) -> None:
    with gazelle.Client(server.address, plaintext=True, websocket=True) as client:
        assert client.classify(SAMPLES[1]).name == "Pullover"


def test_a_client_goes_on_with_a_server_that_was_started_again() -> None:
    with gazelle.Server(MODEL, plaintext=True) as server:
        client = gazelle.Client(server.address, plaintext=True, retry=0)
        assert client.classify(SAMPLES[0]).name == "Ankle boot"
        client.prepare(1)
    with pytest.raises(gazelle.ConnectionError):
        client.classify(SAMPLES[0])
    with pytest.raises(builtins.ConnectionError):
        client.classify(SAMPLES[0])
    before = client.costs
    with gazelle.Server(MODEL, plaintext=True, listen=server.address):
        assert client.classify(SAMPLES[0]).name == "Ankle boot"
    assert client.costs.setup.bytes_up > before.setup.bytes_up
    client.close()


def test_another_try_is_made_while_a_server_is_away() -> None:
    with gazelle.Server(MODEL, plaintext=True) as server:
        client = gazelle.Client(server.address, plaintext=True, retry=60)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(client.classify, SAMPLES[0])
        with gazelle.Server(MODEL, plaintext=True, listen=server.address):
            assert found.result(60).name == "Ankle boot"
            client.close()


def test_faults_have_exceptions_of_their_own(server: gazelle.Server) -> None:
    def fault(**options: object) -> Exception:
        with pytest.raises(gazelle.Error) as caught:
            gazelle.Client(**{"address": server.address, "plaintext": True, "retry": 0, **options})
        return caught.value

    wrong = fault(plaintext=False)
    assert type(wrong) is gazelle.InputError and "tls" in str(wrong) and "--" not in str(wrong)
    assert type(fault(address="nowhere")) is gazelle.InputError
    assert type(fault(timeout=0)) is gazelle.InputError
    assert type(fault(tls="/none", plaintext=False)) is gazelle.InputError
    assert type(fault(card="0" * 64)) is gazelle.PeerError
    assert type(fault(model="other")) is gazelle.RefusedError
    dear = fault(max_memory=1)
    assert type(dear) is gazelle.LimitError and "max_memory" in str(dear)
    assert type(fault(address="127.0.0.1:1")) is gazelle.ConnectionError


def test_one_client_in_several_threads(client: gazelle.Client) -> None:
    expected = [str(found) for found in client.classify_all(SAMPLES[:6])]
    with ThreadPoolExecutor(3) as pool:
        assert [str(found) for found in pool.map(client.classify, SAMPLES[:6])] == expected
    assert threading.active_count() == 1 or threading.active_count() < 8


def test_a_closed_client_says_so(server: gazelle.Server) -> None:
    client = gazelle.Client(server.address, plaintext=True)
    client.close()
    client.close()
    with pytest.raises(gazelle.InputError, match="closed"):
        client.classify(SAMPLES[0])


def test_a_forked_process_uses_no_mask_again(client: gazelle.Client) -> None:
    client.prepare(1)
    child = os.fork()
    if child == 0:
        try:
            client.classify(SAMPLES[0])
        except gazelle.InputError as error:
            client.close()
            os._exit(0 if "process that made it" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # What is prepared is there for the process that made it.
    offline = client.costs.offline
    assert client.classify(SAMPLES[0]).name == "Ankle boot"
    assert client.costs.offline == offline
