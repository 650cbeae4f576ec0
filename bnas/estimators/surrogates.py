"""Surrogate derivatives of sign: one pure function each.

Every function maps x of any shape to g(x) of the same shape, the factor by which the backward pass
multiplies the incoming gradient where the true derivative of sign is zero almost everywhere. None
changes x, none overflows for finite x. The smooth ones compute and answer in float32 when x is in
half precision: it is exact to the last step, and faster, because tanh, sin and exp of bfloat16 are
not vectorised on the CPU.
"""

import math

import torch
from torch import Tensor

from bnas.estimators.masking import inside

# tanh(20) rounds to 1 even in float64; beyond it the product of a huge and a vanishing number
# would be inf * 0.
_SATURATED = 20.0


def identity(x: Tensor) -> Tensor:
    """STE without clip: g(x) = 1."""
    return torch.ones_like(x)


def clipped_identity(x: Tensor, low: float = -1.0, high: float = 1.0) -> Tensor:
    """STE with clip: g(x) = 1 for low <= x <= high, else 0.

    Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons" (2013), with the
    clip of Courbariaux et al., "Binarized Neural Networks" (2016), where it is the derivative of
    hard tanh. Bounds other than 1 (1.3, 1.5, 3) are in use; (0, 1) belongs to {0, 1}-valued steps.
    """
    return inside(x.new_ones(()).expand_as(x), x, low, high)


def approx_sign(x: Tensor) -> Tensor:
    """ApproxSign: g(x) = max(0, 2 - 2 |x|), the derivative of a piecewise quadratic; integral 2.

    Liu et al., "Bi-Real Net" (ECCV 2018), section 3.3.
    """
    return x.abs().mul_(-2).add_(2).clamp_(min=0)


def sign_swish(x: Tensor, beta: float | Tensor) -> Tensor:
    """SignSwish: g(x) = b {2 - b x tanh(b x / 2)} / (1 + cosh(b x)); integral 2.

    The derivative of SS_b(x) = 2 s(b x) [1 + b x (1 - s(b x))] - 1 with the logistic s; zero at
    about x = +-2.4 / b and negative beyond. Darabi et al., "BNN+" (2018), section 3.1; b is 5, 10
    or 20 there. With t = tanh(b x / 2), 2 / (1 + cosh(b x)) = 1 - t^2: that form cannot overflow.
    """
    half = (_wide(x) * beta).mul_(0.5).clamp_(-_SATURATED, _SATURATED)
    t = half.tanh()
    half.mul_(t).sub_(1)
    return t.mul_(t).sub_(1).mul_(half).mul_(beta)


def ede(x: Tensor, t: float) -> Tensor:
    """EDE: g(x) = k t (1 - tanh(t x)^2) with k = max(1 / t, 1); integral 2 where t >= 1.

    Qin et al., "Forward and Backward Information Retention" (IR-Net, CVPR 2020), equation 11.
    """
    curve = (_wide(x) * t).tanh_()
    return curve.mul_(curve).sub_(1).mul_(-max(1.0, t))


def rbnn(x: Tensor, t: float, k: float) -> Tensor:
    """RBNN: g(x) = k max(0, sqrt(2) t - t^2 |x|); integral 2 k.

    Lin et al., "Rotated Binary Neural Network" (NeurIPS 2020), section 3.4.
    """
    return _wide(x).abs().mul_(-t * t).add_(math.sqrt(2) * t).clamp_(min=0).mul_(k)


def reste(x: Tensor, o: float, *, interval: float = 0.1, clip: float = 1.5) -> Tensor:
    """ReSTE: the derivative of sign(x) |x|^(1/o), made finite at 0 and zero beyond `clip`.

    g(x) = (1/o) |x|^((1-o)/o) for interval < |x| <= clip; interval^(1/o - 1) for |x| <= interval;
    0 above. The middle is the slope of a chord, so g jumps by the factor o at `interval`, as in
    the released code. Wu et al., "Estimator Meets Equilibrium Perspective" (ICCV 2023).
    """
    distance = _wide(x).abs()
    # 1/o - 1 outside the interval, 0 inside: plus 1 it is the factor of the power.
    excess = torch.ops.aten.threshold_backward(
        distance.new_full((), 1 / o - 1).expand_as(distance), distance, interval
    )
    power = distance.clamp(min=interval).log_().mul_((1 - o) / o).exp_()
    return inside(power.mul_(excess.add_(1)), distance, -clip, clip)


def dsq(x: Tensor, a: float) -> Tensor:
    """DSQ: g(x) = s k (1 - tanh(k x)^2) for |x| <= 1, else 0; integral 2.

    k = ln(2/a - 1) / 2 and s = 1 / (1 - a), so that s tanh(k x) runs from -1 to 1; the smaller
    0 < a < 1, the closer to sign. Gong et al., "Differentiable Soft Quantization" (ICCV 2019),
    its one-bit case.
    """
    k = math.log(2 / a - 1) / 2
    wide = _wide(x)
    curve = (wide * k).tanh_()
    return inside(curve.mul_(curve).sub_(1).mul_(-k / (1 - a)), wide, -1.0, 1.0)


def fda(x: Tensor, n: int, w: float = 0.1) -> Tensor:
    """FDA: g(x) = (4 w / pi) sum_{i=0}^{n} cos((2 i + 1) w x) for |x| <= 1, else 0.

    The derivative of the first n + 1 terms of the Fourier series of a square wave. Xu et al.,
    "Learning Frequency Domain Approximation for Binary Neural Networks" (NeurIPS 2021), without
    its noise adaptation module. The sum equals sin(2 (n + 1) w x) / (2 sin(w x)).
    """
    wide = _wide(x)
    # The quotient is 0 / 0 at x = 0 and, to float32's last digit, constant within 1e-6 of it.
    angle = wide.abs().clamp_(min=1e-6).mul_(w)
    series = (angle * (2 * (n + 1))).sin_().div_(angle.sin_())
    return inside(series.mul_(2 * w / math.pi), wide, -1.0, 1.0)


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.itemsize < torch.float32.itemsize else x
