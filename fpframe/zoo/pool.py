"""A pool of its own: images that queries are drawn from, where they are no share of the training images."""

from __future__ import annotations

import attrs
import torch

from fpframe.errors import DataError
from fpframe.models import Dataset, Images, image_digests
from fpframe.opening import open_dataset
from fpframe.recipe import TEST_POOL, Recipe, Run
from fpframe.rng import generator
from fpframe.store import mapping_into


def open_own_pool(recipe: Recipe, dataset: Dataset, run: Run) -> tuple[Dataset, Images | None]:
    """Return the data, and the pool where the recipe names one.

    With the pool ``test`` half of the test images become the pool, and the data keep the other half: what accuracy is
    measured on must not be what suspects are asked.

    Raises:
        PluginError: no plugin knows the pool's address.
        DataError: the pool cannot be used: other classes, other sizes, or images that the data hold already.
    """
    if not recipe.pool:
        return dataset, None
    if recipe.pool == TEST_POOL:
        return _halved(dataset, seed=recipe.seed)
    with mapping_into(run.store):
        found = open_dataset(run.registry, recipe.pool, run.data_root)
    if sorted(found.classes) != sorted(dataset.classes):
        raise DataError(
            f"the pool has {_few(found.classes)} for classes where the data have {_few(dataset.classes)} "
            f"({recipe.pool}); name images of the same problem"
        )
    if found.image_shape != dataset.image_shape:
        raise DataError(
            f"the images of the pool have shape {found.image_shape} where those of the data have "
            f"{dataset.image_shape} ({recipe.pool}); prepare them alike"
        )
    found = found.in_order(dataset.classes)
    pool = found.train.joined(found.test)
    _refuse_known(pool, dataset, recipe.pool)
    return dataset, pool


def _halved(dataset: Dataset, *, seed: int) -> tuple[Dataset, Images]:
    count = len(dataset.test)
    if count < 4:
        raise DataError(
            f"{count} test images are too few to draw queries from half of them ({dataset.address}); name another pool"
        )
    order = torch.randperm(count, generator=generator(seed, "pool"))
    # sorted, so that the images stay in the order in which they were
    pool, rest = (part.sort().values for part in (order[: count // 2], order[count // 2 :]))
    return attrs.evolve(dataset, test=dataset.test[rest]), dataset.test[pool]


def _refuse_known(pool: Images, dataset: Dataset, address: str) -> None:
    """Refuse images that models are trained or measured on: they were never nobody else's."""
    asked = set(image_digests(pool.view))
    for name, part in (("training", dataset.train), ("test", dataset.test)):
        known = len(asked & set(image_digests(part.view)))
        if known:
            raise DataError(
                f"{known} of {len(asked)} images of the pool are {name} images of the data ({address}); take them out "
                "of one of the two"
            )


def _few(classes: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return f"{', '.join(classes[:most])}{more}"
