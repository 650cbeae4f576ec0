"""Channel attention: factors per channel that depend on the image."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import final

from torch import Tensor, nn
from torch.nn import functional

from bnas.architecture.nodes import AttentionPlan


@final
class DataDrivenScale(nn.Module):
    """Output channels times sigmoid(E relu(S mean(x))), with x the real-valued input of the sign.

    The scale that Real-to-Binary (Martinez et al., ICLR 2020, section 4.2) predicts from the
    activations before they are binarised, in the form of squeeze and excitation. Both layers are
    real-valued and have a bias; that they do is this project's reading.

    Args:
        plan: Channels of input, bottleneck and output.
    """

    def __init__(self, plan: AttentionPlan) -> None:
        super().__init__()
        self.squeeze = nn.Linear(plan.in_channels, plan.hidden_channels)
        self.excite = nn.Linear(plan.hidden_channels, plan.out_channels)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        """Scales y (N, out, H, W) by what x (N, in, H', W') says."""
        hidden = functional.relu(self.squeeze(x.mean((2, 3))))
        factors: Tensor = self.excite(hidden).sigmoid()
        return y * factors[:, :, None, None]


ATTENTIONS: Mapping[str, type[DataDrivenScale]] = MappingProxyType({"data-driven": DataDrivenScale})
