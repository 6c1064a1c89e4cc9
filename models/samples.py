"""Write twenty Fashion-MNIST test images as PNG: the first two of each class.

    python samples.py --data /usr/share/datasets/fashion-mnist --out samples
"""

import argparse
from pathlib import Path

from PIL import Image

from train import CLASSES, read_idx


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=Path("samples"))
    arguments = parser.parse_args()
    images = read_idx(arguments.data / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(arguments.data / "t10k-labels-idx1-ubyte.gz")
    arguments.out.mkdir(exist_ok=True)
    for label, name in enumerate(CLASSES):
        for index in [i for i, y in enumerate(labels) if y == label][:2]:
            slug = name.lower().replace(" ", "-").replace("/", "-")
            path = arguments.out / f"{index:04}-{slug}.png"
            Image.fromarray(images[index]).save(path, optimize=True)


if __name__ == "__main__":
    main()
