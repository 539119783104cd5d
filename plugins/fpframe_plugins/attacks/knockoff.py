"""Attack ``knockoff``: train a copy on the victim's answers to a pool of images, chosen at random or adaptively."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.models import Pixels
from fpframe.parameters import one_of, whole
from fpframe.rng import derive_seed, generator
from fpframe_plugins.attacks import _extraction as common
from fpframe_plugins.attacks._gradient_bandit import GradientBandit, rewards


def _address(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise fpframe.ParameterError(
            f"'{field.name}' of '{owner.name}' must be the address of a data set (got {value!r})"
        )


@attrs.frozen(kw_only=True)
class Knockoff(common.Extraction):
    """Ask about whatever images are at hand, and fit a student to the answers.

    Source: Orekondy et al., "Knockoff Nets: stealing functionality of black-box models", CVPR 2019. The pool may be
    another data set, whose images need not belong to any of the victim's classes.

    The adaptive policy is a bandit over the classes of the pool. These are known to a thief who gathered its images
    by their names: they decide which image is asked, and never what is learned of it. A scout, which learns from each
    round's answers once, tells which images are still worth asking; the student learns from all answers at the end.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        policy: ``random`` or ``adaptive``.
        pool: address of the data set that is asked about; empty for the thief's own images.
        rounds: how many times the adaptive policy is mended; its queries are shared out among the rounds.
        budget: most images that the victim is sent; ``None`` for as many as the thief has, of any pool.
    """

    name: ClassVar[str] = "knockoff"
    natural: ClassVar[bool] = True

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    policy: str = attrs.field(default="random", validator=one_of("random", "adaptive"))
    pool: str = attrs.field(default="", validator=_address)
    rounds: int = attrs.field(default=20, validator=whole(low=1))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    @property
    def pools(self) -> tuple[str, ...]:
        """The foreign pool, if any."""
        return (self.pool,) if self.pool else ()

    @property
    def takes_true_labels(self) -> bool:
        """Whether the images have labels among the victim's classes, which those of a foreign pool have not."""
        return not self.pool

    def _asked(self, available: int) -> int:
        # of a foreign pool as many as of the thief's own images, so that the cost is known before it is opened
        return self.budget or available if self.pool else common.affordable(available, self.budget)

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all, if the pool has as many as are asked."""
        asked = self._asked(available)
        scouted = sum(_round_sizes(asked, self.rounds)[:-1]) if self.policy == "adaptive" else 0
        return asked * epochs + scouted

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to all answers; without a teacher to the true labels of the thief's own images.

        Raises:
            UsageError: the pool was not opened, or there is no teacher to tell what its images are.
        """
        pool = self._pool(teacher, data, context)
        asked = min(self._asked(len(data)), len(pool))
        common.limit(teacher, self.budget)
        if self.policy == "adaptive":
            images, targets = self._explore(student, teacher, pool, asked, context, seed)
        else:
            chosen = common.natural_images(pool, asked, seed)
            images, targets = chosen.stream, common.ask(teacher, chosen.stream, chosen.labels, self.labels)
        return fpframe.train(student, images, targets, context.training, seed=derive_seed(seed, "fit"))

    def _pool(self, teacher: Query | None, data: Images, context: AttackContext) -> Images:
        if not self.pool:
            return data
        if teacher is None:
            raise fpframe.UsageError(
                f"'knockoff' cannot be followed with true labels, because images of '{self.pool}' have none of the "
                "victim's; leave out the pool"
            )
        if self.pool not in context.pools:
            raise fpframe.UsageError(f"the pool '{self.pool}' of 'knockoff' is not open; pass it in the context")
        return context.pools[self.pool]

    def _explore(
        self,
        student: Classifier,
        teacher: Query | None,
        pool: Images,
        asked: int,
        context: AttackContext,
        seed: int,
    ) -> tuple[Pixels, Tensor]:
        """Return the images that the policy asked about, and what the student is to learn of them."""
        scout, once = copy.deepcopy(student), attrs.evolve(context.training, epochs=1)
        kinds = pool.labels.unique(return_inverse=True)[1]
        bandit = GradientBandit(kinds, generator(seed, "policy"))
        images, targets = [], []
        sizes = _round_sizes(asked, self.rounds)
        for turn, size in enumerate(sizes):
            indices, drawn = bandit.draw(size)
            pixels = pool[indices].stream
            images.append(pixels)
            targets.append(common.ask(teacher, pixels, pool.labels[indices], self.labels))
            if turn + 1 < len(sizes):
                answers = [_as_rows(target, student.num_classes) for target in targets]
                bandit.learn(drawn, rewards(answers[-1], scout.logits(pixels), torch.cat(answers).mean(0)))
                fpframe.train(scout, pixels, targets[-1], once, seed=derive_seed(seed, "scout", turn))
        return images[0].joined(*images[1:]), torch.cat(targets)


def _round_sizes(asked: int, rounds: int) -> list[int]:
    """Return how many images each round asks: nearly the same, and at least two, for one cannot be learned from."""
    rounds = max(1, min(rounds, asked // 2))
    return [asked // rounds + (turn < asked % rounds) for turn in range(rounds)]


def _as_rows(targets: Tensor, num_classes: int) -> Tensor:
    return targets if targets.ndim == 2 else F.one_hot(targets, num_classes).float()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Knockoff]
