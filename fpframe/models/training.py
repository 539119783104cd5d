"""One training loop for every model: victims, independent models and thieves' students."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpframe.errors import DataError, ModelError
from fpframe.models.arithmetic import AUTO, BFLOAT16, CHANNELS_LAST, CONTIGUOUS, FLOAT32
from fpframe.models.augmentation import AUGMENTATIONS, augmented, smoothed
from fpframe.models.classifier import Classifier
from fpframe.models.fitted import Fitted
from fpframe.models.modes import frozen
from fpframe.models.pixels import Pixels
from fpframe.models.placement import Placement
from fpframe.models.shrinking import shrinking
from fpframe.parameters import all_of, number, one_of, whole
from fpframe.rng import give_way, isolated

#: Raised by one whenever the loop gives other weights for the same input, so that stored models are not reused.
REVISION = 2

ADAMW, SGD = "adamw", "sgd"
#: How the learning rate changes: up and down again; down from the peak as a cosine; not at all.
ONE_CYCLE, COSINE, CONSTANT = SCHEDULES = ("one-cycle", "cosine", "constant")
_MOMENTUM = 0.9


@attrs.frozen(kw_only=True)
class Training:
    """How one model is fitted: an optimiser under a schedule.

    Attributes:
        epochs: passes over the images.
        batch_size: images per step.
        learning_rate: peak of the schedule.
        weight_decay: decoupled weight decay.
        memory_format: layout of images and convolutions: ``contiguous``, ``channels-last``, or ``auto`` for the one
            that is fast for the kind of network.
        precision: ``float32``, ``bfloat16`` for mixed precision, or ``auto`` for the faster of them.
        optimizer: ``adamw``, or ``sgd`` with Nesterov momentum, which wants a learning rate ten times as high.
        augmentations: what is done to images each time they are learned, in this order: ``flip``, ``shift``, ``noise``,
            ``cutout``, ``mixup``.
        label_smoothing: share of every label that is spread over all classes.
        side: pixels of the side that images are shrunk to before they pass a network that learns, where it takes images
            of any size; ``None`` leaves them. It learns much faster then, and is asked about whole images.
        schedule: ``one-cycle`` begins slowly; ``cosine`` and ``constant`` begin at the peak.
    """

    epochs: int = attrs.field(default=4, validator=whole(low=1))
    batch_size: int = attrs.field(default=128, validator=whole(low=2))
    learning_rate: float = attrs.field(default=3e-3, validator=number(low=0, open_low=True))
    weight_decay: float = attrs.field(default=1e-2, validator=number(low=0))
    memory_format: str = attrs.field(default=AUTO, validator=one_of(AUTO, CONTIGUOUS, CHANNELS_LAST))
    precision: str = attrs.field(default=AUTO, validator=one_of(AUTO, FLOAT32, BFLOAT16))
    optimizer: str = attrs.field(default=ADAMW, validator=one_of(ADAMW, SGD))
    augmentations: tuple[str, ...] = attrs.field(default=(), validator=all_of(*AUGMENTATIONS))
    label_smoothing: float = attrs.field(default=0.0, validator=number(low=0, high=0.9))
    side: int | None = attrs.field(default=None, validator=whole(low=8, optional=True))
    schedule: str = attrs.field(default=ONE_CYCLE, validator=one_of(*SCHEDULES))

    def identity(self) -> dict[str, Any]:
        """Return the settings as plain data, for the keys of stored models.

        Settings that came later are left out where nobody chose them, so that models of before are found again.
        """
        settings = attrs.asdict(self)
        return {key: value for key, value in settings.items() if key not in _LATER or value != _LATER[key]}

    def placement(self, model: Classifier) -> Placement:
        """Return where and in which arithmetic `model` is trained.

        Raises:
            UsageError: ``FPFRAME_DEVICE`` cannot be used.
        """
        return Placement.of(
            model, batch_size=self.batch_size, memory_format=self.memory_format, precision=self.precision
        )


_LATER = {"optimizer": ADAMW, "augmentations": (), "label_smoothing": 0.0, "side": None, "schedule": ONE_CYCLE}


def train(
    model: Classifier,
    pixels: Tensor | Pixels,
    targets: Tensor,
    training: Training,
    *,
    seed: int,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    layer: nn.Module | None = None,
    disturb: Callable[[Classifier, Tensor, Tensor], Tensor] | None = None,
    after_step: Callable[[], None] | None = None,
) -> Classifier:
    """Fit `model` in place and return it, in evaluation mode.

    A model on a CPU is trained on the `computing_device`, and comes back. `Arithmetic` says in which layout and
    precision. Chance on a GPU, such as dropout, comes from its own generator. A `Fitted` network is fitted at once, to
    labels, and hyper-parameters do not matter to it.

    Args:
        model: the network.
        pixels: ``(N, C, H, W)`` in [0, 1]; of `Images.stream` no more than a batch is in memory.
        targets: labels ``(N,)``, or probabilities ``(N, K)`` for soft labels.
        training: hyper-parameters.
        seed: decides order and dropout; global random state is left as found.
        loss: from logits ``(B, K)`` and a batch of targets to a scalar.
        layer: the only part of `model` that learns; the rest stays as it is, in evaluation mode. ``None`` for the parts
            that `Classifier.learns` names.
        disturb: from the model, a batch of pixels and its targets to the pixels that are learned instead; all of them
            on the device of the training, in float32.
        after_step: called after every step, for constraints on the weights; these are on that device too.

    Raises:
        DataError: fewer than two images.
        UsageError: ``FPFRAME_DEVICE`` cannot be used.
        ModelError: a `Fitted` network is to be trained further, or otherwise than on labels, or there are no weights.
    """
    if len(pixels) < 2:
        raise DataError(f"a model cannot be trained on {len(pixels)} images; give it a larger share of the data")
    if isinstance(model.module, Fitted):
        if layer is not None or disturb is not None or after_step is not None:
            raise ModelError(
                f"the model is not made by gradient descent, so it cannot be trained in part or in steps "
                f"({model.address or type(model.module).__name__}); choose another architecture or attack"
            )
        whole = pixels if isinstance(pixels, Tensor) or model.module.streams else pixels.tensor()
        model.module.fit(whole, targets if targets.ndim == 1 else targets.argmax(1), seed=seed)
        return model.eval()
    plainly = layer is None and disturb is None and after_step is None
    body = model.body if plainly else None
    if layer is not None and disturb is None and model.beginning is not None:
        body = model.beginning.body if model.beginning.is_whole(model.module, layer) else None
    if body is not None and not training.augmentations:
        head, features = model.behind_body(pixels, body)
        if layer is None or any(part is layer for part in head.modules()):
            behind = attrs.evolve(training, side=None)
            train(head, features, targets, behind, seed=seed, loss=loss, layer=layer, after_step=after_step)
            return model.eval()
    batch = min(training.batch_size, len(pixels))
    # a last batch of one image would break batch normalisation, so a remainder of one is dropped
    starts = [start for start in range(0, len(pixels), batch) if len(pixels) - start > 1]
    place = training.placement(model)
    learning = [layer] if layer is not None else [model.module.get_submodule(name) for name in model.learns] or [model]
    weights = list(dict.fromkeys(weight for part in learning for weight in part.parameters()))
    if not weights:
        raise ModelError(
            f"the model has no weights that could be trained ({model.address or type(model.module).__name__}); choose "
            "another architecture or attack"
        )
    optimizer = _optimizer(weights, training)
    schedule = _schedule(optimizer, training, steps=training.epochs * len(starts))
    model.eval()
    for part in learning:
        part.train()
    changing = set(weights)
    still = [weight for weight in model.parameters() if weight not in changing]
    # seeded once the model is placed: a GPU has no generator that could be restored before its first use
    with frozen(still), shrinking(model, training.side), place.hold(model), isolated(seed):
        pixels, targets = place.at_hand(pixels, targets)
        for _ in range(training.epochs):
            order = torch.randperm(len(pixels)).to(pixels.device)
            for start in starts:
                give_way()  # other threads need the generators too, and a training takes long
                chosen = order[start : start + batch]
                seen, wanted = augmented(
                    pixels[chosen], targets[chosen], training.augmentations, num_classes=model.num_classes
                )
                wanted = smoothed(wanted, training.label_smoothing, num_classes=model.num_classes)
                seen, wanted = place.send(seen), place.send(wanted)
                if disturb is not None:
                    seen = disturb(model, seen, wanted)
                cost = loss(place.forward(model, seen), wanted)
                model.zero_grad(set_to_none=True)
                cost.backward()
                optimizer.step()
                schedule.step()
                if after_step is not None:
                    after_step()
    return model.eval()


def _optimizer(weights: list[nn.Parameter], training: Training) -> torch.optim.Optimizer:
    settings: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
    if training.optimizer == SGD:
        return torch.optim.SGD(weights, momentum=_MOMENTUM, nesterov=True, **settings)
    return torch.optim.AdamW(weights, **settings)


def _schedule(
    optimizer: torch.optim.Optimizer, training: Training, *, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if training.schedule == COSINE:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    if training.schedule == CONSTANT:
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    # torch divides by zero where the rise is exactly one step long, which a fifth of five steps is
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, training.learning_rate, total_steps=steps, pct_start=0.2 if steps != 5 else 0.3
    )
