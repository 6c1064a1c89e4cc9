"""Networks C, D and CIFAR-10 with Cheetah in SPU, two processes on this machine; see `run`.

The client owns the image, the server the weights, which are random. Numbers are fixed-point, so results are
approximate: the largest error of a value is printed. SPU has no offline phase: all of it is online.
"""

import argparse
import multiprocessing
import time

import jax
import jax.numpy as jnp
import numpy as np
import spu
import spu.utils.frontend as frontend
from link import Link
from spu import libspu

# Ports of the parties, and those under which each reaches the other.
PORTS, RELAYED = (17460, 17461), (17462, 17463)
SECRET = spu.Visibility.VIS_SECRET


def conv(x, weights, stride=1, padding="SAME"):
    dimensions = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, weights, (stride, stride), padding, dimension_numbers=dimensions)


def halves(x):
    """Windows of 2 × 2, along the third and the fifth axis."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c)


def flat(x):
    return x.reshape(1, -1)


def network_c(x, w):
    x = jax.nn.relu(conv(x, w[0], 2, ((2, 2), (2, 2))))
    return jax.nn.relu(flat(x) @ w[1]) @ w[2]


def network_d(x, w):
    for weights in w[:2]:
        x = halves(jax.nn.relu(conv(x, weights, padding="VALID"))).max((2, 4))
    return jax.nn.relu(flat(x) @ w[2]) @ w[3]


def cifar10(x, w):
    for i, weights in enumerate(w[:-1]):
        if i in (2, 4):
            x = halves(x).mean((2, 4))
        x = jax.nn.relu(conv(x, weights))
    return flat(x) @ w[-1]


# What computes it, the image's shape, the weights' shapes.
NETWORKS = {
    "c": (network_c, (1, 28, 28, 1), [(5, 5, 1, 5), (980, 100), (100, 10)]),
    "d": (network_d, (1, 28, 28, 1), [(5, 5, 1, 16), (5, 5, 16, 16), (256, 100), (100, 10)]),
    "cifar10": (
        cifar10,
        (1, 32, 32, 3),
        [(3, 3, 3, 64), *[(3, 3, 64, 64)] * 4, (1, 1, 64, 64), (1, 1, 64, 16), (1024, 10)],
    ),
}


def settings(field: str, fraction: int) -> spu.RuntimeConfig:
    config = spu.RuntimeConfig(spu.ProtocolKind.CHEETAH, spu.parse_field_type(field), fraction)
    # The owner's values stay with it, so that the server's weights need no encryption.
    config.experimental_enable_colocated_optimization = True
    return config


def values(name: str):
    """A random image and weights that keep the values' size."""
    _, image, weights = NETWORKS[name]
    rng = np.random.default_rng(1)
    scaled = [rng.normal(0, np.prod(s[:-1]) ** -0.5, s) for s in weights]
    return rng.random(image, np.float32), [w.astype(np.float32) for w in scaled]


def party(rank: int, name: str, config, runs: int, pipe) -> None:
    """Runs the network once for each word from the pipe, and sends its share of the result."""
    quiet = libspu.logging.LogOptions()
    quiet.log_level = libspu.logging.LogLevel.ERROR
    libspu.logging.setup_logging(quiet)
    image, weights = values(name)
    inputs = [image, *weights]
    io = spu.Io(2, config)
    owners = [0] + [1] * len(weights)
    names = [f"x{i}" for i in range(len(inputs))]
    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        lambda x, *w: NETWORKS[name][0](x, w),
        inputs,
        {},
        names,
        [SECRET] * len(inputs),
        lambda outputs: [f"y{i}" for i, _ in enumerate(outputs)],
    )
    description = libspu.link.Desc()
    for other in range(2):
        description.add_party(f"p{other}", f"127.0.0.1:{(PORTS if other == rank else RELAYED)[other]}")
    description.recv_timeout_ms = description.http_timeout_ms = 600_000
    runtime = spu.Runtime(libspu.link.create_brpc(description, rank), config)
    for variable, value, owner in zip(names, inputs, owners):
        runtime.set_var(variable, io.make_shares(value, SECRET, owner)[rank])
    for _ in range(runs):
        pipe.recv()
        runtime.run(executable)
        pipe.send(runtime.get_var("y0"))


def bench(name: str, link: str, config, runs: int) -> None:
    relay = Link(link)
    # The server reaches the client at the client's relayed port, and the other way round.
    relay.relay(RELAYED[1], PORTS[1], relay.up, relay.down)
    relay.relay(RELAYED[0], PORTS[0], relay.down, relay.up)
    context = multiprocessing.get_context("spawn")
    pipes, parties = [], []
    for rank in range(2):
        ours, theirs = context.Pipe()
        parties.append(context.Process(target=party, args=(rank, name, config, runs + 1, theirs)))
        parties[-1].start()
        theirs.close()  # So that a party that fails is noticed.
        pipes.append(ours)
    image, weights = values(name)
    expected = np.asarray(NETWORKS[name][0](jnp.asarray(image), weights))
    seconds, error = [], 0.0
    for run in range(runs + 1):
        before, start = relay.bytes(), time.monotonic()
        for pipe in pipes:
            pipe.send(None)
        shares = [pipe.recv() for pipe in pipes]
        if run > 0:
            seconds.append(time.monotonic() - start)
        up, down = (after - less for after, less in zip(relay.bytes(), before))
        result = spu.Io(2, config).reconstruct(shares)
        error = max(error, float(np.abs(result - expected).max()))
    median = sorted(seconds)[len(seconds) // 2]
    print(f"{name:8} {link:22} {median:8.3f} s {up:12,} B up {down:12,} B down  error {error:.2g}", flush=True)
    for process in parties:
        process.join()
    relay.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--link", default="100mbit,80ms", help="as gazelle's: 20mbit/100mbit,30ms")
    parser.add_argument("--runs", type=int, default=1, help="runs whose median counts, after another one")
    parser.add_argument("--field", default="FM64", choices=["FM32", "FM64"])
    parser.add_argument("--fraction", type=int, default=18, help="bits of a fraction")
    args = parser.parse_args()
    for name in args.network or NETWORKS:
        bench(name, args.link, settings(args.field, args.fraction), args.runs)


if __name__ == "__main__":
    main()
