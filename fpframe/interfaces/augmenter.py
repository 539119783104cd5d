"""`Augmenter`: which points of the pool become queries, and which points are further views of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

from torch import Tensor

from fpframe.errors import DataError, PluginError
from fpframe.interfaces.component import Component
from fpframe.interfaces.fence import fenced, require
from fpframe.interfaces.references import References
from fpframe.interfaces.streaming import taken_by
from fpframe.models import Classifier, Pixels, evaluating
from fpframe.rng import isolated


class Augmenter(Component):
    """Choose query points from a pool of images.

    Authors write `choose`; callers use the object itself, which checks the result.

    Attributes:
        needs_references: whether the models of the fit split are handed over.
        needs_gradients: whether it follows the victim's gradients, so that a victim without any is refused.
        streams: whether `choose` takes a pool of `Pixels`, which are made batch by batch when they are read, in place
            of a tensor: a pool need not fit into memory then. It may be called with a tensor all the same.
    """

    kind = "augmenter"
    needs_references: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = False
    streams: ClassVar[bool] = False

    @abstractmethod
    def choose(
        self,
        model: Classifier,
        pool: Tensor,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return indices ``(V, N)`` into `pool` ``(P, C, H, W)``, or new pixels ``(V, N, C, H, W)`` in [0, 1].

        The points of one view are distinct.
        """

    @final
    def __call__(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None = None,
        seed: int,
    ) -> Tensor:
        """Choose and check.

        Raises:
            DataError: the pool has fewer images than points.
            PluginError: the augmenter failed, changed the model, or returned indices or images that cannot be used.
        """
        if len(pool) < points:
            raise DataError(
                f"{points} query points are wanted but the pool has {len(pool)} images; lower 'points' in the recipe, "
                "or give the pool a larger share of the data"
            )
        doing = "choosing points"
        with fenced(self, model, doing=doing), evaluating(model), isolated(seed):
            taken = taken_by(self, pool)
            chosen = self.choose(model, taken, labels, points=points, views=views, references=references, seed=seed)
        require(self, chosen, Tensor, doing=doing)
        if chosen.shape[:2] != (views, points) or chosen.ndim not in (2, 5):
            raise PluginError(f"'{self.name}' returned shape {tuple(chosen.shape)}, expected ({views}, {points}, ...)")
        if chosen.ndim == 5:
            if chosen.shape[2:] != pool.shape[1:] or not bool(((chosen >= 0) & (chosen <= 1)).all()):
                raise PluginError(f"'{self.name}' returned images of another shape than the pool or outside [0, 1]")
            return chosen
        if chosen.is_floating_point() or bool((chosen < 0).any()) or bool((chosen >= len(pool)).any()):
            raise PluginError(f"'{self.name}' returned indices outside the pool of {len(pool)} images")
        if any(len(view.unique()) != points for view in chosen):
            raise PluginError(f"'{self.name}' returned a view in which a point occurs twice")
        return chosen
