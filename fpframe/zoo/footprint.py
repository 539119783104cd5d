"""`Footprint`: what a network takes on any machine: operations, bytes on disk, and bytes of memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fpframe.base import computing_on
from fpframe.models import Classifier, Training, asked_at_once, train
from fpframe.models.arithmetic import CONTIGUOUS, FLOAT32
from fpframe.models.modes import evaluation_mode
from fpframe.rng import threads

#: Images of the step that is counted; batch normalisation takes no fewer.
_COUNTED = 2
#: Copies of its weights that a network is trained with: the weights, their gradients, and two moments of the optimiser.
_COPIES = 4


@attrs.frozen(kw_only=True)
class Footprint:
    """What a network takes, whatever machine it is trained on.

    Attributes:
        learning: floating-point operations for each image, each time it is learned from.
        asking: the same for each image that is asked.
        passing: the same for each image that passes frozen layers, once; 0 where none are frozen.
        row: numbers that frozen layers make of each image; 0 where none are frozen.
        stored: bytes of its weights and buffers.
        grown: bytes more for each image that it learns from; 0 but where a network is fitted to images at once.
        state: bytes of weights, gradients and moments while it is trained.
        learned: bytes of what the layers make of each image of a batch, and of the gradients of that.
        asked: bytes of the two largest things that exist at once while one image is asked.
        passed: the same while images pass frozen layers, as many as do at once; 0 where none are frozen.
        at_once: images that pass at once, at most, when many are asked.
    """

    learning: float = 0.0
    asking: float = 0.0
    passing: float = 0.0
    row: int = 0
    stored: int
    grown: float = 0.0
    state: int
    learned: int = 0
    asked: int = 0
    passed: int = 0
    at_once: int = 1


class _Counter(TorchDispatchMode):
    """Counts the floating-point operations of this thread; torch's own counter would watch the networks of all threads.

    Attributes:
        total: operations so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        formula = flop_registry.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        made = func(*args, **kwargs)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=made)
        return made


def counted(classifier: Classifier, pixels: Tensor, labels: Tensor, training: Training) -> Footprint:
    """Return the footprint of a network by one step of training, on the CPU.

    Multiplications and additions of convolutions, matrix products and attention count, forwards and backwards
    (by the formulas of `torch.utils.flop_counter`); normalisation, activations and the optimiser do not.

    Args:
        classifier: the network; it is trained by this.
        pixels: at least two images ``(N, C, H, W)``.
        labels: theirs, ``(N,)``.
        training: how it is fitted.
    """
    few, named = pixels[:_COUNTED], labels[:_COUNTED]
    # the plainest arithmetic, for what a faster one tries out first would be counted too
    once = attrs.evolve(training, epochs=1, memory_format=CONTIGUOUS, precision=FLOAT32)
    # the kernels of attention that are made for one processor are unknown to the counter
    with threads(1), computing_on("cpu"), sdpa_kernel(SDPBackend.MATH):
        with _Counter() as asking:
            classifier.logits(few)
        largest = _largest(classifier, few)
        with _Counter() as learning, _kept_by_autograd(classifier) as kept:
            train(classifier, few, named, once, seed=0)
    return Footprint(
        learning=learning.total / len(few),
        asking=asking.total / len(few),
        stored=tensors_bytes(classifier.module.state_dict().values()),
        state=_COPIES * tensors_bytes(classifier.parameters()),
        learned=2 * sum(kept) // len(few),
        asked=2 * largest // len(few),
        at_once=classifier.at_once(asked_at_once(classifier.image_shape)),
    )


def behind_frozen(head: Footprint, whole: Footprint, *, row: int) -> Footprint:
    """Return the footprint of a network of which only the last layer learns, from what the others make of images.

    Args:
        head: of the last layer, whose images are features.
        whole: of the whole network.
        row: numbers that the other layers make of each image.
    """
    state = head.state + whole.stored
    return attrs.evolve(head, passing=whole.asking, row=row, state=state, passed=whole.asked * whole.at_once)


def tensors_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@contextmanager
def _kept_by_autograd(classifier: Classifier) -> Iterator[list[int]]:
    """Yield the sizes of what is kept inside the block until gradients are known, weights excluded, each once."""
    sizes: list[int] = []
    seen = {weight.untyped_storage().data_ptr() for weight in classifier.parameters()}

    def note(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in seen:
            seen.add(place)
            sizes.append(tensor.untyped_storage().nbytes())
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        yield sizes


def _largest(classifier: Classifier, pixels: Tensor) -> int:
    """Return the bytes of the largest thing that a layer makes of images."""
    sizes = [tensors_bytes([pixels])]

    def note(_layer: nn.Module, _inputs: object, made: object) -> None:
        sizes.append(tensors_bytes([made]) if isinstance(made, Tensor) else 0)

    hooks = [part.register_forward_hook(note) for part in classifier.modules()]
    try:
        with evaluation_mode(classifier), torch.no_grad():
            classifier(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return max(sizes)
