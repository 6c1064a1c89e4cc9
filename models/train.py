"""Train network D of GAZELLE's MNIST experiments on Fashion-MNIST and export it as ONNX.

    python train.py --data /usr/share/datasets/fashion-mnist --out .
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

CLASSES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip


def read_idx(path: Path) -> np.ndarray:
    """One IDX file of unsigned bytes, as the Fashion-MNIST package ships them (gzip)."""
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    shape = np.frombuffer(raw, ">u4", count=dimensions, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(data: Path, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as pixel / 255 in N×1×28×28, and labels."""
    images = read_idx(data / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(data / f"{split}-labels-idx1-ubyte.gz")
    return (
        torch.tensor(images, dtype=torch.float32).unsqueeze(1) / 255,
        torch.tensor(labels, dtype=torch.int64),
    )


def network_d(classes: int) -> nn.Sequential:
    """Conv 5×5→16, max 2, conv 5×5→16, max 2, FC 256→100, FC 100→classes."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 100), nn.ReLU(), nn.Linear(100, classes),
    )  # fmt: skip


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        hits = sum(
            (model(x).argmax(1) == y).sum().item()
            for x, y in zip(images.split(1000), labels.split(1000))
        )
    return hits / len(labels)


def augment(x: torch.Tensor) -> torch.Tensor:
    """Random mirror images and shifts by up to one pixel."""
    flip = torch.rand(len(x)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    return x.roll((dy, dx), (2, 3))


def train(model: nn.Module, images, labels, epochs: int, batch: int = 128) -> None:
    steps = epochs * (len(images) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(images))
        for i in range(len(images) // batch):
            pick = order[i * batch : (i + 1) * batch]
            optimiser.zero_grad()
            loss(model(augment(images[pick])), labels[pick]).backward()
            optimiser.step()
            schedule.step()
        hits = accuracy(model, images[:10000], labels[:10000])
        print(f"epoch {epoch + 1}: train accuracy {hits:.4f}", flush=True)


def export(model: nn.Module, path: Path) -> None:
    """Write the network as ONNX."""
    model.eval()
    torch.onnx.export(
        model, (torch.zeros(1, 1, 28, 28),), path,
        input_names=["image"], output_names=["logits"], external_data=False, dynamo=True,
    )  # fmt: skip
    strip(path)


def strip(path: Path) -> None:
    """Drop the exporter's notes, which tell where it ran."""
    exported = onnx.load(path)
    graph = exported.graph
    for part in (exported, graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.checker.check_model(exported)
    onnx.save(exported, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    model = network_d(len(CLASSES))
    train(model, *load(arguments.data, "train"), arguments.epochs)
    print(f"test accuracy {accuracy(model, *load(arguments.data, 't10k')):.4f}")
    export(model, arguments.out / "fashion-mnist-d.onnx")


if __name__ == "__main__":
    main()
