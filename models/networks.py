"""The networks that `train.py` and `pneumonia.py` train: for images of 28 × 28 with one channel."""

import torch
from torch import nn


def network_d(classes: int) -> nn.Module:
    """Conv 5×5→16, max 2, conv 5×5→16, max 2, FC 256→100, FC 100→classes."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 100), nn.ReLU(), nn.Linear(100, classes),
    )  # fmt: skip


def convolution(inputs: int, outputs: int, kernel=3, stride=1, groups=1) -> nn.Sequential:
    """A convolution that keeps the map's size (but for its stride), and a batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """after(body(x) + shortcut(x))"""

    def __init__(self, body: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.after = body, shortcut, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.body(x) + self.shortcut(x))


def head(features: int, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes)]


def resnet20(classes: int) -> nn.Module:
    """ResNet-20 (He et al., CVPR 2016, section 4.2) with projections where the shape changes."""

    def block(inputs: int, outputs: int, stride: int) -> Residual:
        body = nn.Sequential(
            convolution(inputs, outputs, stride=stride), nn.ReLU(), convolution(outputs, outputs)
        )
        same = inputs == outputs
        shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride)
        return Residual(body, shortcut, nn.ReLU())

    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [block(i, o, 1 if i == o else 2) for i, o in zip(widths, widths[1:])]
    return nn.Sequential(convolution(1, 16), nn.ReLU(), *blocks, *head(64, classes))


def mobilenet(classes: int) -> nn.Module:
    """A small MobileNetV2 (Sandler et al., CVPR 2018): four inverted residuals that widen their
    input three times and end linearly, 2.9 million multiplications."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        wide = 3 * inputs
        body = nn.Sequential(
            convolution(inputs, wide, 1), nn.ReLU6(),
            convolution(wide, wide, 3, stride, groups=wide), nn.ReLU6(),
            convolution(wide, outputs, 1),
        )  # fmt: skip
        return Residual(body, nn.Identity(), nn.Identity()) if inputs == outputs else body

    return nn.Sequential(
        convolution(1, 16), nn.ReLU6(),
        block(16, 24, 2), block(24, 24, 1), block(24, 32, 2), block(32, 32, 1),
        convolution(32, 128, 1), nn.ReLU6(), *head(128, classes),
    )  # fmt: skip
