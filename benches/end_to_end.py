#!/usr/bin/env python3
"""Measures the tables of docs/performance.md with `gazelle bench` and prints them as Markdown.

    cargo build --release
    taskset -c 0,1 benches/end_to_end.py [TABLE...] [--gazelle target/release/gazelle]

Tables: loopback, deep, links, slow, hints. All of them take a quarter of an hour. Seconds of a machine that
has other work are worth little; bytes and round trips are exact.
"""

import argparse
import json
import subprocess
import sys

PAPER = ["a", "c", "d", "cifar10"]
SMALL = ["resnet20", "mobilenet", "resnet18-28"]
LARGE = ["squeezenet", "resnet18", "resnet50"]
SLOW = ["100mbit,80ms", "20mbit/100mbit,30ms"]
LINKS = ["10gbit,0.1ms", "1gbit,1ms", "1gbit,80ms", *SLOW]

# What `--engine` and `--linear` are for each name in a table.
ENGINES = {
    "garbled": ("garbled", "coefficient"),
    "masks": ("masks", "hint"),
    "auto": ("auto", "auto"),
}

SIDES = "offline s | online s | offline MB up / down | online MB up / down | round trips offline / online"


class Bench:
    """One `gazelle` binary and its measurements."""

    def __init__(self, gazelle):
        self.gazelle = gazelle

    def measure(self, network, engines, *, link=None, runs=3):
        """The median of `runs` inferences of `network`, after one that does not count."""
        activations, linear = engines
        command = [self.gazelle, "bench", "--network", network, "--threads", "2", "--json"]
        command += ["--engine", activations, "--linear", linear]
        command += ["--runs", str(runs)]
        command += ["--link", link] if link else []
        print("#", *command[1:], file=sys.stderr)
        measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        assert measured["matches_plaintext"], f"{network} does not equal its plaintext network"
        return measured


def table(columns, rows):
    """Prints a Markdown table, row by row as they are measured."""
    print(f"\n| {columns} |\n|{' --- |' * (columns.count('|') + 1)}")
    for row in rows:
        print("|", " | ".join(row), "|", flush=True)


def seconds(s):
    return f"{s:.4f}" if s < 0.02 else f"{s:.3f}" if s < 1 else f"{s:.2f}" if s < 10 else f"{s:.1f}"


def megabytes(count):
    return f"{count / 1e6:,.2f}" if count < 1e6 else f"{count / 1e6:,.1f}"


def both_ways(phase):
    return f"{megabytes(phase['bytes_up'])} / {megabytes(phase['bytes_down'])}"


def processor(phase):
    return seconds(phase["cpu_seconds_client"] + phase["cpu_seconds_server"])


def cells(measured):
    """The columns of `SIDES`, and both parties' processor seconds and memory."""
    offline, online = measured["offline"], measured["online"]
    memory = [f"{measured[f'peak_memory_{party}'] >> 20:,}" for party in ("client", "server")]
    return [
        seconds(offline["seconds"]),
        seconds(online["seconds"]),
        both_ways(offline),
        both_ways(online),
        f"{offline['rounds']} / {online['rounds']}",
        f"{processor(offline)} / {processor(online)}",
        f"{' / '.join(memory)} MiB",
    ]


COSTS = f"{SIDES} | processor s, offline / online | peak memory client / server"


def loopback(bench, networks, runs):
    """Networks over loopback, garbled and as the plan has it."""
    table(
        f"network | engines | {COSTS}",
        (
            [network, engines, *cells(bench.measure(network, ENGINES[engines], runs=runs(network)))]
            for network in networks
            for engines in ("garbled", "auto")
        ),
    )


def links(bench):
    """CIFAR-10's network by each engine over loopback and simulated links."""
    table(
        f"link | engines | {COSTS}",
        (
            [link or "loopback", name, *cells(bench.measure("cifar10", engines, link=link, runs=runs))]
            for link in [None, *LINKS]
            for runs in [9 if link is None else 1 if link in SLOW else 5]
            for name, engines in ENGINES.items()
        ),
    )


def slow(bench):
    """Networks over 100 Mb/s and 80 ms as the plan has it, and what setting a session up takes."""

    def row(network):
        measured = bench.measure(network, ENGINES["auto"], link=SLOW[0], runs=1 if network in LARGE else 3)
        setup = measured["setup"]
        return [network, *cells(measured), seconds(setup["seconds"]), both_ways(setup)]

    table(
        f"network | {COSTS} | set-up s | set-up MB up / down",
        (row(network) for network in ["c", "d", "cifar10", "resnet20", "resnet18", "resnet50"]),
    )


def hints(bench):
    """What a hint saves where activations are by masks: bytes of an inference and of the hint."""

    def row(network):
        without, with_hint = (
            bench.measure(network, ("masks", linear), link=SLOW[0]) for linear in ("coefficient", "hint")
        )
        phases = [with_hint[phase] for phase in ("offline", "online")]
        total = sum(phase["bytes_up"] + phase["bytes_down"] for phase in phases)
        return [
            network,
            both_ways(without["offline"]),
            both_ways(with_hint["offline"]),
            both_ways(with_hint["online"]),
            megabytes(total),
            f"{seconds(with_hint['offline']['seconds'])} + {seconds(with_hint['online']['seconds'])}",
            megabytes(with_hint["setup"]["bytes_down"]),
        ]

    table(
        "network | offline MB up / down, coefficient | with a hint | online MB up / down | in all with a hint"
        " | offline + online s | set-up MB down, once",
        (row(network) for network in ["c", "d", "cifar10", "resnet20"]),
    )


TABLES = {
    "loopback": lambda bench: loopback(bench, PAPER + SMALL, lambda network: 5 if network in SMALL else 15),
    "deep": lambda bench: loopback(bench, LARGE, lambda _: 1),
    "links": links,
    "slow": slow,
    "hints": hints,
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    arguments.add_argument("--gazelle", default="target/release/gazelle", help="the binary to measure")
    arguments = arguments.parse_args()
    for name in arguments.tables or TABLES:
        if name not in TABLES:
            sys.exit(f"there is no table {name}: {', '.join(TABLES)}")
        TABLES[name](Bench(arguments.gazelle))


if __name__ == "__main__":
    main()
