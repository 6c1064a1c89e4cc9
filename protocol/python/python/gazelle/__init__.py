"""Private neural-network inference.

The server never sees the image, the client never sees the weights, and the result equals the plaintext
integer network bit for bit.

A model's owner makes an integer network of a trained one, and serves it::

    gazelle.export(model, sample, "model.onnx")
    gazelle.import_onnx("model.onnx", images, "model.gazelle")
    server = gazelle.Server("model.gazelle", plaintext=True)

Whoever owns an image has it classified::

    with gazelle.Client(server.address, plaintext=True) as client:
        print(client.classify("image.png"))

What functions are told by keywords are the flags of the command ``gazelle``, which comes with this package.
"""

from ._client import (
    Classification,
    Client,
    Costs,
    Label,
    Phase,
    Prepared,
    Threshold,
)
from ._errors import ConnectionError, Error, InputError, LimitError, PeerError, RefusedError
from ._export import export
from ._images import Image
from ._models import (
    Accuracy,
    Card,
    Cost,
    ImportedLayer,
    ImportReport,
    Inspection,
    Model,
    Node,
    evaluate,
    import_onnx,
    inspect,
)
from ._server import Server, serve

__all__ = [
    "Accuracy",
    "Card",
    "Classification",
    "Client",
    "ConnectionError",
    "Cost",
    "Costs",
    "Error",
    "Image",
    "ImportReport",
    "ImportedLayer",
    "InputError",
    "Inspection",
    "Label",
    "LimitError",
    "Model",
    "Node",
    "PeerError",
    "Phase",
    "Prepared",
    "RefusedError",
    "Server",
    "Threshold",
    "evaluate",
    "export",
    "import_onnx",
    "inspect",
    "serve",
]
