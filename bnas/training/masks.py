"""What compiled regions keep for the backward pass; imports the compiler, which takes a second."""

from typing import Any, final

import torch
from torch import Tensor, fx
from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files
from torch.utils.checkpoint import CheckpointPolicy


@final
class RecomputeMasks(CustomGraphPass):
    """Has comparisons made again in the backward pass, from the numbers that they compared.

    The compiler would keep them, since a bool is the smallest tensor. But its CPU code moves bool
    to and from memory one by one, and a sign or a ReLU became slower than uncompiled ones.
    """

    def __call__(self, graph: fx.Graph) -> None:
        """Marks them in the graph of both passes, before it is divided."""
        for node in graph.nodes:
            if node.op == "call_function" and _is_mask(node.meta.get("val")):
                node.meta["recompute"] = CheckpointPolicy.MUST_RECOMPUTE

    def uuid(self) -> Any:
        """Code that was compiled otherwise is not taken from the cache."""
        return get_hash_for_files((__file__,))


def _is_mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bool
