"""The any-point model as an ONNX graph; several trained members become one graph that averages them."""

import io
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brise.models.anypoint import AnyPoint
from brise.models.samples import INPUTS

_SIZES = {"batch": 2, "stations": 5, "neighbours": 3, "places": 7, "leads": 4}
_POSITIONS = ("station_near", "own", "near")
OPSET = 18


class Members(nn.Module):
    """The mean of several models."""

    def __init__(self, members: Sequence[AnyPoint]) -> None:
        """Keep them."""
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, *inputs: Tensor) -> Tensor:
        """As `AnyPoint.forward`."""
        told = [member(*inputs) for member in self.members]
        return torch.stack(told).mean(dim=0)


def to_onnx(members: Sequence[AnyPoint]) -> bytes:
    """The graph, all sizes free."""
    module = Members(members).eval()
    inputs = []
    for name, sizes in INPUTS.items():
        shape = [_SIZES[size] if isinstance(size, str) else size for size in sizes]
        inputs.append(torch.zeros(shape, dtype=torch.long) if name in _POSITIONS else torch.zeros(shape))
    buffer = io.BytesIO()
    axes = {name: {n: size for n, size in enumerate(sizes) if isinstance(size, str)} for name, sizes in INPUTS.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the newer exporter needs one more library, and writes the same graph
        torch.onnx.export(
            module,
            tuple(inputs),
            buffer,  # type: ignore[arg-type]  # a stream is taken too
            input_names=list(INPUTS),
            output_names=["shifts"],
            dynamic_axes=axes | {"shifts": {0: "batch", 1: "leads", 2: "places"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()
