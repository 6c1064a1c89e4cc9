"""Compares the client's seconds with the program's: both classify the same pictures with one server, in turns.

    python speed.py PROGRAM [ROUNDS]
"""

import statistics
import subprocess
import sys
from pathlib import Path

import gazelle

MODELS = Path(__file__).resolve().parents[3] / "models"
IMAGES = sorted((MODELS / "samples").glob("*.png")) * 5


def of_the_program(program: str, address: str) -> list[float]:
    asked = [program, "classify", "--plaintext", "--server", address, *map(str, IMAGES)]
    lines = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()
    return [float(line.split()[1]) for line in lines[-2:]]


def of_the_package(address: str) -> list[float]:
    with gazelle.Client(address, plaintext=True) as client:
        client.classify_all(IMAGES)
        costs = client.costs
    return [costs.offline.seconds, costs.online.seconds]


def main() -> None:
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9
    with gazelle.Server(MODELS / "fashion-mnist-d.gazelle", plaintext=True) as server:
        of_the_package(server.address)
        pairs = [(of_the_program(program, server.address), of_the_package(server.address)) for _ in range(rounds)]
    for i, phase in enumerate(("offline", "online")):
        ratios = [package[i] / program[i] for program, package in pairs]
        milliseconds = [statistics.median(side[i] for side in sides) / len(IMAGES) * 1000 for sides in zip(*pairs)]
        print(
            f"{phase}: program {milliseconds[0]:.2f} ms, package {milliseconds[1]:.2f} ms an image; "
            f"package/program {statistics.median(ratios):.3f} (median of {rounds})"
        )


if __name__ == "__main__":
    main()
