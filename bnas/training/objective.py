"""What a step of training minimises, the regularisers of designs apart."""

from torch import Tensor
from torch.nn import functional

from bnas.training.augmentation import Mixed
from bnas.training.recipe import Recipe


def objective(
    logits_NK: Tensor,
    y_N: Tensor,
    recipe: Recipe,
    *,
    mixed: Mixed | None = None,
    teacher_NK: Tensor | None = None,
) -> Tensor:
    """Cross-entropy; with a teacher its distributional loss, alone or times a weight added to it.

    Args:
        logits_NK: of the network.
        y_N: labels.
        recipe: smoothing of labels, and the teacher's weight.
        mixed: what was mixed into the images.
        teacher_NK: logits of the teacher for the same images; None without one.
    """
    if teacher_NK is None or recipe.teacher is None:
        return cross_entropy(logits_NK, y_N, recipe.label_smoothing, mixed=mixed)
    taught = distributional_loss(logits_NK, teacher_NK)
    if recipe.teacher.weight is None:
        return taught
    loss = cross_entropy(logits_NK, y_N, recipe.label_smoothing, mixed=mixed)
    return loss + recipe.teacher.weight * taught


def cross_entropy(
    logits_NK: Tensor, y_N: Tensor, smoothing: float = 0.0, *, mixed: Mixed | None = None
) -> Tensor:
    """The mean over images of -(1 - e) log p_y - e / K sum_k log p_k, e the smoothing.

    An image of which only a share s is its own costs s times this and 1 - s times that of the
    other's label, which is the loss with mixed labels (Zhang et al., "mixup", ICLR 2018).

    Args:
        logits_NK: of the network.
        y_N: labels.
        smoothing: share of the target that is spread over all K classes.
        mixed: what was mixed into the images.
    """
    loss = functional.cross_entropy(logits_NK, y_N, label_smoothing=smoothing)
    if mixed is None:
        return loss
    other = functional.cross_entropy(logits_NK, mixed.y_N, label_smoothing=smoothing)
    return mixed.share * loss + (1 - mixed.share) * other


def distributional_loss(logits_NK: Tensor, teacher_NK: Tensor) -> Tensor:
    """The mean over images of KL(q || p) = sum_k q_k log(q_k / p_k), both softmax at T = 1.

    The distributional loss of ReActNet (Liu et al., ECCV 2020): q is of the real-valued teacher, p
    of the network. No label is used. The released code leaves out sum_k q_k log q_k, which has no
    gradient.

    Args:
        logits_NK: of the network.
        teacher_NK: logits of the teacher for the same images.
    """
    return functional.kl_div(
        logits_NK.log_softmax(1), teacher_NK.log_softmax(1), reduction="batchmean", log_target=True
    )
