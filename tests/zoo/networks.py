"""The networks of the zoo, as PyTorch code: torchvision's, and those that it lacks."""

import torch
import torchvision.models as vision
from torch import nn
from torch.nn import functional as F


def block(inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU):
    """A convolution with a batch normalisation and an activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


def classifier(inputs, classes=10):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def vgg(plan, norm):
    """VGG for images of 32 × 32."""
    layers, inputs = [], 3
    for step in plan:
        if step == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        conv = nn.Conv2d(inputs, step, 3, padding=1)
        layers += [block(inputs, step)] if norm else [conv, nn.ReLU()]
        inputs = step
    return nn.Sequential(*layers, *classifier(512))


VGG11 = [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]
VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


class Basic(nn.Module):
    """Two convolutions beside a shortcut: padded with channels of zeros (option A) or projected (B)."""

    def __init__(self, inputs, outputs, stride, option):
        super().__init__()
        self.first, self.second = block(inputs, outputs, 3, stride), block(outputs, outputs, act=None)
        self.stride, self.more = stride, (outputs - inputs) // 2
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential() if same else block(inputs, outputs, 1, stride, act=None)
        if option == "A" and not same:
            self.shortcut = None

    def forward(self, x):
        y = self.second(self.first(x))
        if self.shortcut is None:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        else:
            x = self.shortcut(x)
        return F.relu(y + x)


def resnet_cifar(depth, option):
    layers, inputs = [block(3, 16)], 16
    for outputs in (16, 32, 64):
        for _ in range(depth):
            layers.append(Basic(inputs, outputs, 2 if outputs > 16 and inputs != outputs else 1, option))
            inputs = outputs
    return nn.Sequential(*layers, *classifier(64))


class Wide(nn.Module):
    """A block of WideResNet: normalisation and activation come first."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.rest = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False))
        self.project = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        a = self.first(x)
        return self.rest(a) + (x if self.project is None else self.project(a))


def wide_resnet():
    layers, inputs = [nn.Conv2d(3, 16, 3, padding=1, bias=False)], 16
    for outputs in (64, 128, 256):
        for _ in range(2):
            layers.append(Wide(inputs, outputs, 2 if outputs > 64 and inputs != outputs else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(256), nn.ReLU(), *classifier(256))


def small(model, channels=3):
    """A network of torchvision's with a first layer for images of 28 to 32 pixels."""
    model.conv1, model.maxpool = nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.Identity()
    return model


def grey(model):
    model.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    return model


def mobilenet1(first, act=nn.ReLU):
    layers, inputs = [block(3, 32, 3, first, act=act)], 32
    steps = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    for outputs, stride in steps:
        layers += [block(inputs, inputs, 3, stride, inputs, act), block(inputs, outputs, 1, act=act)]
        inputs = outputs
    return nn.Sequential(*layers, *classifier(1024))


class Inverted(nn.Module):
    """An inverted residual: expansion, depthwise convolution, linear bottleneck."""

    def __init__(self, inputs, outputs, expand, kernel, stride):
        super().__init__()
        wide, act = inputs * expand, nn.ReLU6
        first = [block(inputs, wide, 1, act=act)] if expand > 1 else []
        self.layers = nn.Sequential(
            *first, block(wide, wide, kernel, stride, wide, act), block(wide, outputs, 1, act=None))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return self.layers(x) + x if self.adds else self.layers(x)


def efficientnet_lite0():
    plan = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
            (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
    layers, inputs = [block(3, 32, 3, 2, act=nn.ReLU6)], 32
    for expand, outputs, count, stride, kernel in plan:
        for j in range(count):
            layers.append(Inverted(inputs, outputs, expand, kernel, 1 if j else stride))
            inputs = outputs
    return nn.Sequential(*layers, block(320, 1280, 1, act=nn.ReLU6), *classifier(1280))


def mobilenet2_small():
    """MobileNetV2 for images of 32 × 32: its first two strides are 1."""
    model = vision.mobilenet_v2(num_classes=10)
    model.features[0][0].stride = (1, 1)
    model.features[2].conv[1][0].stride = (1, 1)
    return model


def nin():
    def part(inputs, outputs, kernel, one, two):
        return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(), nn.Conv2d(outputs, one, 1),
                nn.ReLU(), nn.Conv2d(one, two, 1), nn.ReLU()]

    return nn.Sequential(
        *part(3, 192, 5, 160, 96), nn.MaxPool2d(3, 2, 1), *part(96, 192, 5, 192, 192), nn.AvgPool2d(3, 2, 1),
        *part(192, 192, 3, 192, 192)[:-2], nn.Conv2d(192, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def one_logit():
    return nn.Sequential(
        block(1, 16), nn.MaxPool2d(2), block(16, 32), nn.MaxPool2d(2), *classifier(32, 1))


class Gate(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self):
        super().__init__()
        self.first, self.gate = block(3, 16), nn.Conv2d(16, 16, 1)
        self.last = nn.Sequential(*classifier(16))

    def forward(self, x):
        y = self.first(x)
        return self.last(y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True))))


def googlenet():
    return vision.googlenet(num_classes=10, aux_logits=False, init_weights=False)


def chexnet():
    return nn.Sequential(vision.densenet121(num_classes=14), nn.Sigmoid())


# Name, image (channels, side), how to make it.
NETWORKS = {
    "LeNet-5": (1, 28, lenet5),
    "AlexNet": (3, 224, lambda: vision.alexnet(num_classes=10)),
    "VGG-11": (3, 32, lambda: vgg(VGG11, False)),
    "VGG-11-BN": (3, 32, lambda: vgg(VGG11, True)),
    "VGG-16": (3, 32, lambda: vgg(VGG16, False)),
    "VGG-16-BN": (3, 32, lambda: vgg(VGG16, True)),
    "ResNet-20, padded shortcuts": (3, 32, lambda: resnet_cifar(3, "A")),
    "ResNet-20, projections": (3, 32, lambda: resnet_cifar(3, "B")),
    "ResNet-56, padded shortcuts": (3, 32, lambda: resnet_cifar(9, "A")),
    "ResNet-56, projections": (3, 32, lambda: resnet_cifar(9, "B")),
    "WideResNet-16-4": (3, 32, wide_resnet),
    "ResNet-18 (MedMNIST)": (1, 28, lambda: small(vision.resnet18(num_classes=10), 1)),
    "ResNet-18 (MedMNIST+)": (1, 64, lambda: grey(vision.resnet18(num_classes=10))),
    "ResNet-18": (3, 32, lambda: small(vision.resnet18(num_classes=10))),
    "ResNet-34": (3, 32, lambda: small(vision.resnet34(num_classes=10))),
    "ResNet-34 (MedMNIST)": (1, 28, lambda: small(vision.resnet34(num_classes=10), 1)),
    "ResNet-50": (3, 32, lambda: small(vision.resnet50(num_classes=10))),
    "ResNet-50 (MedMNIST)": (1, 28, lambda: small(vision.resnet50(num_classes=10), 1)),
    "MobileNetV1": (3, 32, lambda: mobilenet1(1)),
    "MobileNetV1, ReLU6": (3, 32, lambda: mobilenet1(1, nn.ReLU6)),
    "MobileNetV2": (3, 32, mobilenet2_small),
    "MobileNetV2, larger": (3, 96, lambda: vision.mobilenet_v2(num_classes=10)),
    "EfficientNet-Lite0": (3, 96, efficientnet_lite0),
    "MNASNet 1.0": (3, 64, lambda: vision.mnasnet1_0(num_classes=10)),
    "SqueezeNet 1.1": (3, 64, lambda: vision.squeezenet1_1(num_classes=10)),
    "ShuffleNetV2 1.0": (3, 64, lambda: vision.shufflenet_v2_x1_0(num_classes=10)),
    "DenseNet-121": (3, 64, lambda: vision.densenet121(num_classes=10)),
    "DenseNet-121, 14 sigmoids": (3, 64, chexnet),
    "GoogLeNet": (3, 64, googlenet),
    "RegNet-X-400MF": (3, 64, lambda: vision.regnet_x_400mf(num_classes=10)),
    "NiN": (3, 32, nin),
    "one logit": (1, 28, one_logit),
    "ResNet-18 at full size": (3, 224, lambda: vision.resnet18(num_classes=10)),
    "ResNet-34 at full size": (3, 224, lambda: vision.resnet34(num_classes=10)),
    "ResNet-50 at full size": (3, 224, lambda: vision.resnet50(num_classes=10)),
    "squeeze-and-excitation": (3, 32, Gate),
}
