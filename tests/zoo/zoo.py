"""Imports networks that people use, with random weights, and prints a table of what became of them.

    python zoo.py EVALUATE [NAME…]

EVALUATE is the program that `cargo build --release -p gazelle-import --example evaluate` makes. Each
network is written as ONNX, run by ONNX Runtime on 40 images, and imported; the table shows whether
it imports, its activations, the widest ring, how far reals are from ONNX Runtime's, and on how many
images integers give the result that reals give. Weights come from a fixed seed.

Needs what requirements.txt lists.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IMAGES = 40


class Net:
    """A graph that grows node by node from the image `x`."""

    def __init__(self, *shape):
        self.random = np.random.default_rng(7)
        self.shape, self.nodes, self.constants = shape, [], []
        self.channels = {"x": shape[0]}

    def const(self, value):
        name = f"c{len(self.constants)}"
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind, *inputs, channels=None, outputs=1, **attributes):
        made = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), made, **attributes))
        for name in made:
            self.channels[name] = channels or self.channels.get(inputs[0], 0)
        return made if outputs > 1 else made[0]

    def conv(self, x, outputs, kernel=3, stride=1, group=1, pad=None, bias=False):
        inputs = self.channels[x] // group
        pad = kernel // 2 if pad is None else pad
        w = self.random.standard_normal((outputs, inputs, kernel, kernel))
        w *= np.sqrt(2 / (inputs * kernel * kernel))
        more = [self.const(self.random.normal(0, 0.1, outputs))] if bias else []
        return self.op("Conv", x, self.const(w), *more, channels=outputs, pads=[pad] * 4, strides=[stride] * 2, group=group)

    def norm(self, x):
        n, r = self.channels[x], self.random
        values = [r.uniform(0.5, 1.5, n), r.normal(0, 0.2, n), r.normal(0, 0.2, n), r.uniform(0.7, 1.5, n)]
        return self.op("BatchNormalization", x, *[self.const(v) for v in values])

    def relu(self, x, six=False):
        return self.op("Clip", x, self.const(0.0), self.const(6.0)) if six else self.op("Relu", x)

    def block(self, x, outputs, kernel=3, stride=1, group=1, act="relu", pad=None):
        y = self.norm(self.conv(x, outputs, kernel, stride, group, pad))
        return y if not act else self.relu(y, act == "relu6")

    def pool(self, x, kernel=2, stride=2, pad=0, kind="MaxPool", **attributes):
        return self.op(kind, x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, **attributes)

    def dense(self, x, inputs, outputs):
        w = self.random.standard_normal((outputs, inputs)) / np.sqrt(inputs)
        return self.op("Gemm", x, self.const(w), self.const(self.random.normal(0, 0.1, outputs)), transB=1)

    def head(self, x, classes=10):
        y = self.op("Flatten", self.op("GlobalAveragePool", x))
        return self.dense(y, self.channels[x], classes)


def lenet5():
    net = Net(1, 28, 28)
    y = net.pool(net.relu(net.conv("x", 6, 5, bias=True)))
    y = net.pool(net.relu(net.conv(y, 16, 5, pad=0, bias=True)))
    y = net.relu(net.dense(net.op("Flatten", y), 400, 120))
    return net, net.dense(net.relu(net.dense(y, 120, 84)), 84, 10)


def vgg(plan):
    net, y = Net(3, 32, 32), "x"
    for step in plan:
        y = net.pool(y) if step == "M" else net.block(y, step)
    return net, net.head(y)


def basic(net, x, outputs, stride, option="B"):
    y = net.block(net.block(x, outputs, 3, stride), outputs, act=None)
    if stride != 1 or net.channels[x] != outputs:
        if option == "B":
            x = net.block(x, outputs, 1, stride, act=None)
        else:
            more = (outputs - net.channels[x]) // 2
            ends = [net.const(np.array(v)) for v in ([0, 0], [99, 99], [2, 3], [2, 2])]
            x = net.op("Pad", net.op("Slice", x, *ends), net.const(np.array([0, more, 0, 0, 0, more, 0, 0])), channels=outputs)
    return net.relu(net.op("Add", y, x))


def resnet_cifar(n, option, width=1):
    net = Net(3, 32, 32)
    y = net.block("x", 16)
    for i, outputs in enumerate((16, 32, 64)):
        for j in range(n):
            y = basic(net, y, outputs * width, 2 if i and not j else 1, option)
    return net, net.head(y)


def wide_resnet():
    net = Net(3, 32, 32)
    x = net.conv("x", 16)
    for i, outputs in enumerate((64, 128, 256)):
        for j in range(2):
            a = net.relu(net.norm(x))
            stride = 2 if i and not j else 1
            y = net.conv(net.relu(net.norm(net.conv(a, outputs, 3, stride))), outputs)
            x = net.op("Add", y, x if j else net.conv(a, outputs, 1, stride))
    return net, net.head(net.relu(net.norm(x)))


def resnet(side, counts, deep=False, channels=3):
    net = Net(channels, side, side)
    small = side < 64
    y = net.block("x", 64, 3 if small else 7, 1 if small else 2)
    y = y if small else net.pool(y, 3, 2, 1)
    for i, (outputs, count) in enumerate(zip((64, 128, 256, 512), counts)):
        for j in range(count):
            stride = 2 if i and not j else 1
            if not deep:
                y = basic(net, y, outputs, stride)
                continue
            z = net.block(net.block(net.block(y, outputs, 1), outputs, 3, stride), outputs * 4, 1, act=None)
            skip = y if j else net.block(y, outputs * 4, 1, stride, act=None)
            y = net.relu(net.op("Add", z, skip))
    return net, net.head(y)


def mobilenet1(six):
    net, act = Net(3, 32, 32), "relu6" if six else "relu"
    y = net.block("x", 32, act=act)
    steps = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for outputs, stride in steps:
        inputs = net.channels[y]
        y = net.block(net.block(y, inputs, 3, stride, inputs, act), outputs, 1, act=act)
    return net, net.head(y)


def mobilenet2(side, first, plan, act="relu6"):
    net = Net(3, side, side)
    y = net.block("x", 32, 3, first, act=act)
    for expand, outputs, count, stride, kernel in plan:
        for j in range(count):
            inputs = net.channels[y]
            z = y if expand == 1 else net.block(y, inputs * expand, 1, act=act)
            wide = net.channels[z]
            z = net.block(z, wide, kernel, 1 if j else stride, wide, act)
            z = net.block(z, outputs, 1, act=None)
            y = net.op("Add", z, y) if j else z
    return net, net.head(net.block(y, 1280, 1, act=act))


V2 = [(1, 16, 1, 1, 3), (6, 24, 2, 1, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]
LITE0 = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
MNAS = [(1, 16, 1, 1, 3), (3, 24, 3, 2, 3), (3, 40, 3, 2, 5), (6, 80, 3, 2, 5), (6, 96, 2, 1, 3), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


def squeezenet():
    net = Net(3, 64, 64)
    y = net.pool(net.relu(net.conv("x", 64, 3, 2, pad=0, bias=True)), 3, 2, ceil_mode=1)
    for squeeze, outputs, pooled in ((16, 64, 0), (16, 64, 1), (32, 128, 0), (32, 128, 1), (48, 192, 0), (48, 192, 0), (64, 256, 0), (64, 256, 0)):
        s = net.relu(net.conv(y, squeeze, 1, bias=True))
        parts = [net.relu(net.conv(s, outputs, k, bias=True)) for k in (1, 3)]
        y = net.op("Concat", *parts, axis=1, channels=2 * outputs)
        y = net.pool(y, 3, 2, ceil_mode=1) if pooled else y
    y = net.relu(net.conv(y, 10, 1, bias=True))
    return net, net.op("Flatten", net.op("GlobalAveragePool", y))


def shufflenet2():
    net = Net(3, 64, 64)
    y = net.pool(net.block("x", 24, 3, 2), 3, 2, 1)
    side = 16
    for outputs, count in ((116, 4), (232, 8), (464, 4)):
        for j in range(count):
            half, inputs = outputs // 2, net.channels[y]
            if j:
                split = net.const(np.array([half, half]))
                a, z = net.op("Split", y, split, axis=1, outputs=2, channels=half)
            else:
                a, z, side = net.block(net.block(y, inputs, 3, 2, inputs, None), half, 1), y, side // 2
            z = net.block(net.block(z, half, 1), half, 3, 1 if j else 2, half, None)
            y = net.op("Concat", a, net.block(z, half, 1), axis=1, channels=outputs)
            y = net.op("Reshape", y, net.const(np.array([-1, 2, half, side, side])))
            y = net.op("Transpose", y, perm=[0, 2, 1, 3, 4])
            y = net.op("Reshape", y, net.const(np.array([-1, outputs, side, side])))
            net.channels[y] = outputs
    return net, net.head(net.block(y, 1024, 1))


def densenet(classes=10, tail=None, counts=(6, 12, 24, 16)):
    net = Net(3, 64, 64)
    y = net.pool(net.block("x", 64, 7, 2), 3, 2, 1)
    for i, count in enumerate(counts):
        for _ in range(count):
            z = net.conv(net.relu(net.norm(y)), 128, 1)
            z = net.conv(net.relu(net.norm(z)), 32)
            y = net.op("Concat", y, z, axis=1, channels=net.channels[y] + 32)
        if i < len(counts) - 1:
            y = net.pool(net.conv(net.relu(net.norm(y)), net.channels[y] // 2, 1), kind="AveragePool")
    y = net.head(net.relu(net.norm(y)), classes)
    return net, net.op(tail, y) if tail else y


def googlenet():
    net = Net(3, 64, 64)
    y = net.pool(net.block("x", 64, 7, 2), 3, 2, 0, ceil_mode=1)
    y = net.pool(net.block(net.block(y, 64, 1), 192), 3, 2, 0, ceil_mode=1)
    plan = [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None, (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None, (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)]
    for step in plan:
        if step is None:
            y = net.pool(y, 2 if net.channels[y] > 500 else 3, 2, 0, ceil_mode=1)
            continue
        a, b, c, d, e, f = step
        parts = [net.block(y, a, 1), net.block(net.block(y, b, 1), c), net.block(net.block(y, d, 1), e), net.block(net.pool(y, 3, 1, 1), f, 1)]
        y = net.op("Concat", *parts, axis=1, channels=a + c + e + f)
    return net, net.head(y)


def regnet_x():
    net = Net(3, 64, 64)
    y = net.block("x", 32, 3, 2)
    for outputs, count in ((32, 1), (64, 2), (160, 7), (400, 12)):
        for j in range(count):
            stride = 1 if j else 2
            z = net.block(net.block(y, outputs, 1), outputs, 3, stride, outputs // 16)
            z = net.block(z, outputs, 1, act=None)
            skip = y if j else net.block(y, outputs, 1, 2, act=None)
            y = net.relu(net.op("Add", z, skip))
    return net, net.head(y)


def nin():
    net, y = Net(3, 32, 32), "x"
    for i, (outputs, kernel, one, two) in enumerate(((192, 5, 160, 96), (192, 5, 192, 192), (192, 3, 192, 10))):
        for width, size in ((outputs, kernel), (one, 1), (two, 1)):
            y = net.relu(net.conv(y, width, size, bias=True))
        y = net.pool(y, 3, 2, 1, "MaxPool" if i == 0 else "AveragePool", **({} if i == 0 else {"count_include_pad": 1})) if i < 2 else y
    return net, net.op("Flatten", net.op("GlobalAveragePool", y))


def one_logit():
    net = Net(1, 28, 28)
    y = net.pool(net.block(net.pool(net.block("x", 16)), 32))
    return net, net.head(y, 1)


def squeeze_excite():
    net = Net(3, 32, 32)
    y = net.block("x", 16)
    gate = net.op("Sigmoid", net.conv(net.op("GlobalAveragePool", y), 16, 1))
    return net, net.head(net.op("Mul", y, gate))


NETWORKS = {
    "LeNet-5": lenet5,
    "VGG-11-BN (32)": lambda: vgg([64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]),
    "VGG-16-BN (32)": lambda: vgg([64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]),
    "ResNet-20 (32), padded shortcuts": lambda: resnet_cifar(3, "A"),
    "ResNet-20 (32), projections": lambda: resnet_cifar(3, "B"),
    "ResNet-56 (32), projections": lambda: resnet_cifar(9, "B"),
    "WideResNet-16-4 (32)": wide_resnet,
    "ResNet-18 (28, grey)": lambda: resnet(28, (2, 2, 2, 2), channels=1),
    "ResNet-18 (64)": lambda: resnet(64, (2, 2, 2, 2)),
    "ResNet-34 (64)": lambda: resnet(64, (3, 4, 6, 3)),
    "ResNet-50 (64)": lambda: resnet(64, (3, 4, 6, 3), True),
    "ResNet-18 (224)": lambda: resnet(224, (2, 2, 2, 2)),
    "MobileNetV1 (32)": lambda: mobilenet1(False),
    "MobileNetV1 (32), ReLU6": lambda: mobilenet1(True),
    "MobileNetV2 (32)": lambda: mobilenet2(32, 1, V2),
    "EfficientNet-Lite0 (64)": lambda: mobilenet2(64, 2, LITE0),
    "MNASNet 1.0 (64)": lambda: mobilenet2(64, 2, MNAS, "relu"),
    "SqueezeNet 1.1 (64)": squeezenet,
    "ShuffleNetV2 1.0 (64)": shufflenet2,
    "DenseNet-121 (64)": densenet,
    "DenseNet-121 (64), 14 sigmoids": lambda: densenet(14, "Sigmoid"),
    "GoogLeNet (64)": googlenet,
    "RegNet-X-400MF (64)": regnet_x,
    "NiN (32)": nin,
    "one logit (28, grey)": one_logit,
    "squeeze-and-excitation": squeeze_excite,
}


def images(shape, random):
    """Smooth pictures with a little noise."""
    channels, height, width = shape
    coarse = random.random((IMAGES, channels, 5, 5))
    rows, columns = np.linspace(0, 4, height), np.linspace(0, 4, width)
    along = lambda a, places, axis: np.apply_along_axis(lambda v: np.interp(places, np.arange(5), v), axis, a)
    smooth = along(along(coarse, rows, 2), columns, 3)
    noisy = smooth + 0.06 * random.standard_normal(smooth.shape)
    return (noisy.clip(0, 1) * 255).round().astype(np.uint8)


def row(evaluate, folder, name, make):
    net, output = make()
    pixels = images(net.shape, np.random.default_rng(3))
    normal = lambda image: ((image.astype(np.float32) / 255 - 0.45) / 0.25)[None]

    def outputs(path):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return np.array([session.run(None, {"x": normal(image)})[0].ravel() for image in pixels])

    path = folder / "network.onnx"
    save(net, output, path)
    if "sigmoid" not in name and "squeeze-and" not in name:
        # Random networks answer one class alone, unless their outputs are centred.
        output = net.op("Sub", output, net.const(outputs(path).mean(0)))
        save(net, output, path)
    pixels.tofile(folder / "images.bin")
    expected = outputs(path)
    run = subprocess.run([evaluate, path, folder / "images.bin", "-", "0.45", "0.25"], capture_output=True, text=True)
    got = json.loads(run.stdout)
    if "float" not in got or "agreeing" not in got:
        return f"| {name} | no: {got['error'].split(': ', 1)[-1][:100]} | | | | | |"
    reals = np.array(got["float"])
    if "sigmoid" in name:
        reals = 1 / (1 + np.exp(-reals))
    error = np.abs(reals - expected).max() / np.abs(expected).max()
    classes = len(set(expected.argmax(1))) if expected.shape[1] > 1 else 2
    agreement = f"{got['agreeing']} of {got['compared']}"
    return f"| {name} | yes | {got['activations']:,} | {got['ring_bits']} | {error:.0e} | {classes} | {agreement} |"


def save(net, output, path):
    shown = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *net.shape])
    graph = helper.make_graph(net.nodes, "zoo", [shown], [onnx.ValueInfoProto(name=output)], net.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


def main():
    evaluate, *names = sys.argv[1:]
    onnxruntime.set_default_logger_severity(4)
    print("| network (side of the image) | imports | activations | k | error of reals | classes told | integers agree |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in names or NETWORKS:
            print(row(evaluate, pathlib.Path(folder), name, NETWORKS[name]), flush=True)


main()
