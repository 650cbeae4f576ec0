"""How a training is computed, which changes its speed and its rounding, but not what is trained."""

from typing import Final, Literal, Self

from pydantic import model_validator

from bnas.training.settings import Settings

# By benchmarks/training_speed.py, see docs/training-speed.md.
SAVED_S_PER_OPERATION: Final = 1e-9
# Of compiled regions: twice this with an empty cache, which serves a whole search; about half in
# each later process. Of kernels: about this, once on a machine.
START_UP_S: Final = 10.0


class Acceleration(Settings):
    """Settings of the training step.

    Attributes:
        precision: that binary convolutions compute in; all else is float32. In bfloat16 their
            operands are exact, but for the scale of the weights, and their sums are rounded.
        compile: "regions" compiles what stands between the convolutions of binary units, "none"
            nothing; "auto" compiles where it pays for the training, see `compiles`.
        kernels: runs this project's C++ on a CPU with one thread, in place of compiled regions and
            of the forward pass of convolutions of signs, where it pays, see `uses_kernels`.
        plain: computes by the textbook's formulas instead of this project's faster ones, to check
            the latter: PyTorch's own differentiation, in float32, without compilation.
    """

    precision: Literal["float32", "bfloat16"] = "float32"
    compile: Literal["auto", "regions", "none"] = "auto"
    kernels: bool = True
    plain: bool = False

    @model_validator(mode="after")
    def _plain_is_slow(self) -> Self:
        if self.plain and (self.precision != "float32" or self.compile == "regions"):
            raise ValueError(
                "plain must be without bfloat16 and compilation, but precision is "
                f"{self.precision!r} and compile {self.compile!r}; remove them or plain"
            )
        return self

    def compiles(self, operations: float) -> bool:
        """Whether regions are compiled.

        Args:
            operations: of the whole training between its convolutions: `Totals.elementwise`, which
                is of one image, times all images of all epochs. "auto" compiles where what is
                saved on them exceeds a start-up, see `START_UP_S`.
        """
        if self.plain or self.compile == "none":
            return False
        return self.compile == "regions" or _pays(operations)

    def uses_kernels(self, operations: float) -> bool:
        """Whether kernels are run: where the training is long enough for a start-up.

        Args:
            operations: see `compiles`.
        """
        return self.kernels and not self.plain and _pays(operations)


def _pays(operations: float) -> bool:
    return operations * SAVED_S_PER_OPERATION > START_UP_S
