"""Train a network on Fashion-MNIST and export it as ONNX.

    python train.py --network d --data /usr/share/datasets/fashion-mnist --out .
"""

import argparse
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from networks import mobilenet, network_d, resnet20

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


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        hits = sum(
            (model(x).argmax(1) == y).sum().item()
            for x, y in zip(images.split(1000), labels.split(1000))
        )
    return hits / len(labels)


def augment(x: torch.Tensor, shift: int) -> torch.Tensor:
    """Random mirror images and shifts by up to `shift` pixels."""
    flip = torch.rand(len(x)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dy, dx = torch.randint(-shift, shift + 1, (2,)).tolist()
    return x.roll((dy, dx), (2, 3))


@dataclass
class Recipe:
    """How a network is trained: with AdamW, or with SGD and momentum; in bfloat16 or not."""

    network: Callable[[int], nn.Module]
    epochs: int
    adam: bool
    rate: float
    decay: float
    shift: int
    bfloat16: bool = False

    def optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        if self.adam:
            return torch.optim.AdamW(model.parameters(), self.rate, weight_decay=self.decay)
        return torch.optim.SGD(
            model.parameters(), self.rate, momentum=0.9, weight_decay=self.decay, nesterov=True
        )


RECIPES = {
    "d": Recipe(network_d, 12, adam=True, rate=4e-3, decay=1e-2, shift=1),
    "resnet20": Recipe(resnet20, 7, adam=False, rate=0.2, decay=5e-4, shift=2, bfloat16=True),
    "mobilenet": Recipe(mobilenet, 7, adam=False, rate=0.2, decay=1e-4, shift=2),
}


def train(model: nn.Module, recipe: Recipe, images, labels, batch: int = 128) -> None:
    """Trains in one cycle of the learning rate."""
    steps = len(images) // batch
    optimiser = recipe.optimiser(model)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.epochs * steps
    )
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(recipe.epochs):
        model.train()
        for pick in torch.randperm(len(images))[: steps * batch].view(steps, batch):
            optimiser.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                scores = model(augment(images[pick], recipe.shift))
            loss(scores.float(), labels[pick]).backward()
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
    parser.add_argument("--network", choices=RECIPES, default="d")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(arguments.threads)
    recipe = RECIPES[arguments.network]
    model = recipe.network(len(CLASSES)).to(memory_format=torch.channels_last)
    train(model, recipe, *load(arguments.data, "train"))
    print(f"test accuracy {accuracy(model, *load(arguments.data, 't10k')):.4f}")
    export(model, arguments.out / f"fashion-mnist-{arguments.network}.onnx")


if __name__ == "__main__":
    main()
