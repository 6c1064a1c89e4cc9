"""From training to private classification, in cells that a notebook or an editor runs one after another.

    pip install ./protocol/python torch onnx onnxscript
    python fashion_mnist.py /usr/share/datasets/fashion-mnist

The folder holds Fashion-MNIST's four files, as Debian's package ``dataset-fashion-mnist`` installs them.
"""

# %% The images: uint8, as pictures have them
import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import gazelle

DATA = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
WORK = Path(tempfile.mkdtemp())
CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def load(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    images = gzip.decompress((DATA / f"{split}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((DATA / f"{split}-labels-idx1-ubyte.gz").read_bytes())
    return (
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count],
        np.frombuffer(labels, np.uint8, offset=8)[:count],
    )


train_images, train_labels = load("train", 10_000)
test_images, test_labels = load("t10k", 1_000)


# %% Train a small network, as always
def read(images: np.ndarray) -> torch.Tensor:
    return torch.tensor(images, dtype=torch.float32) / 255


torch.manual_seed(1)
model = nn.Sequential(
    nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(256, 100), nn.ReLU(), nn.Linear(100, 10),
)  # fmt: skip
optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
inputs, targets = read(train_images), torch.tensor(train_labels, dtype=torch.int64)
for epoch in range(3):
    for batch in torch.randperm(len(inputs)).split(100):
        loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

# %% Export it, and make an integer network of it
gazelle.export(model, inputs[:1], WORK / "model.onnx")
report = gazelle.import_onnx(
    WORK / "model.onnx", train_images[:1000], WORK / "model.gazelle",
    test=test_images, labels=test_labels, classes=CLASSES, name="clothes",
)  # fmt: skip
print(report)
assert report.accuracy is not None
print(f"accuracy: {report.accuracy.correct_in_floating_point} of {report.accuracy.images} in floating point, "
      f"{report.accuracy.correct} in integers")  # fmt: skip

# %% What a classification will cost
inspection = gazelle.inspect(WORK / "model.gazelle")
print(inspection)

# %% Serve it. The server reveals values here so that they can be compared; by default it tells the class alone
server = gazelle.Server(WORK / "model.gazelle", plaintext=True, reveal="values")

# %% The owner of the images has them classified
with gazelle.Client(server.address, plaintext=True) as client:
    client.prepare(5)
    found = client.classify_all(test_images[:10])
    costs = client.costs
server.close()
for classification, label in zip(found, test_labels):
    print(f"{classification.name:12} (is {CLASSES[label]})")
print(f"online: {costs.online.seconds / 10:.4f} s an image, {costs.online.bytes_up + costs.online.bytes_down:,} bytes in all")

# %% The private result is the plaintext integer network's, bit for bit
plain = gazelle.Model(WORK / "model.gazelle").logits(test_images[:10])
private = np.stack([classification.logits for classification in found])
assert (private == plain).all()
print("all", private.size, "values equal those of the plaintext network")
