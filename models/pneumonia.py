"""Train network D on PneumoniaMNIST, chest X-rays of children, and export it as ONNX.

    python pneumonia.py --data pneumoniamnist.npz --out . --folders x-rays

`--folders` also writes the training and validation images as PNG, in a folder for each class, for
`gazelle import` and `gazelle eval`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from networks import network_d
from train import export

CLASSES = ["normal", "pneumonia"]


def load(data: Path, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as pixel / 255 in N×1×28×28, and labels; the split is "train" or "val"."""
    with np.load(data) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return (
        torch.tensor(images, dtype=torch.float32).unsqueeze(1) / 255,
        torch.tensor(labels.ravel(), dtype=torch.int64),
    )


def augment(x: torch.Tensor) -> torch.Tensor:
    """Mirror images, small turns, scales, shifts, and changes of contrast and brightness."""
    count = len(x)

    def uniform(most: float, *shape: int) -> torch.Tensor:
        return (2 * torch.rand(count, *shape) - 1) * most

    angle, scale, shift = uniform(0.17), 1 + uniform(0.15), uniform(0.15, 2)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine * mirror, -sine, shift[:, 0]], 1),
        torch.stack([sine * mirror, cosine, shift[:, 1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False)
    x = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    contrast, brightness = 1 + uniform(0.25, 1, 1, 1), uniform(0.125, 1, 1, 1)
    return ((x - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


def train(model: nn.Module, images, labels, epochs: int, batch: int = 128) -> None:
    """Both classes are drawn equally often: most training images show pneumonia."""
    steps = epochs * len(images) // batch
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=5e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    weights = 1 / torch.bincount(labels)[labels]
    model.train()
    for _ in range(steps):
        pick = torch.multinomial(weights, batch, replacement=True)
        optimiser.zero_grad()
        loss(model(augment(images[pick])), labels[pick]).backward()
        optimiser.step()
        schedule.step()


def report(model: nn.Module, images, labels) -> None:
    """Accuracy and the area under the curve of the two rates."""
    model.eval()
    with torch.no_grad():
        logits = model(images)
    score = logits[:, 1] - logits[:, 0]
    ill, well = score[labels == 1], score[labels == 0]
    accuracy = (((score > 0) == (labels == 1)).float().mean()).item()
    area = (ill[:, None] > well[None, :]).float().mean().item()
    print(f"accuracy {accuracy:.4f}, of the ill {(ill > 0).float().mean():.4f}, "
          f"of the well {(well <= 0).float().mean():.4f}, area {area:.4f}")  # fmt: skip


def write_folders(data: Path, out: Path) -> None:
    for split in ("train", "val"):
        images, labels = load(data, split)
        for name in CLASSES:
            (out / split / name).mkdir(parents=True, exist_ok=True)
        for i, (image, label) in enumerate(zip(images, labels)):
            pixels = (image[0] * 255).round().to(torch.uint8).numpy()
            Image.fromarray(pixels).save(out / split / CLASSES[label] / f"{i:04}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("."))
    parser.add_argument("--folders", type=Path)
    parser.add_argument("--epochs", type=int, default=200)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(2)
    model = network_d(len(CLASSES))
    train(model, *load(arguments.data, "train"), arguments.epochs)
    report(model, *load(arguments.data, "val"))
    export(model, arguments.out / "pneumonia-d.onnx")
    if arguments.folders:
        write_folders(arguments.data, arguments.folders)


if __name__ == "__main__":
    main()
