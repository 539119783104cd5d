"""The minimum-norm perturbations `cw` and `ddn`, against adv-lib's."""

from __future__ import annotations

from collections.abc import Callable

from libraries import carlini_wagner_l2, ddn
from material import Material, lengths
from measuring import Row, take_turns
from torch import Tensor

import fpframe

#: fpframe may take 20 % longer, and its median L2 norm may be 1 % larger.
LIMIT, LONGER = 1.2, 1.01
#: Steps of `ddn`; searches of `cw` and steps in each, a fraction of the paper's, for it is slow.
DDN_STEPS, CW_SEARCHES, CW_STEPS = 100, 5, 250
#: Images for `cw`.
FEW = 32


def rows(material: Material, *, images: int, repeats: int) -> list[Row]:
    """Compare time, success and median L2 norm on images with the labels that the model gives them."""
    model, registry = material.model, fpframe.load_registry()

    def by_ddn(x: Tensor, labels: Tensor) -> Tensor:
        return ddn(model, x, labels, steps=DDN_STEPS)

    def by_cw(x: Tensor, labels: Tensor) -> Tensor:
        return carlini_wagner_l2(model, x, labels, binary_search_steps=CW_SEARCHES, max_iterations=CW_STEPS)

    our_ddn = registry.create("perturbation", "ddn", steps=DDN_STEPS)
    our_cw = registry.create("perturbation", "cw", searches=CW_SEARCHES, steps=CW_STEPS)
    return [
        compare(material, our_ddn, by_ddn, images=images, repeats=repeats),
        compare(material, our_cw, by_cw, images=min(images, FEW), repeats=min(repeats, 3)),
    ]


def compare(
    material: Material,
    ours: fpframe.PerturbationGenerator,
    theirs: Callable[[Tensor, Tensor], Tensor],
    *,
    images: int,
    repeats: int,
) -> Row:
    """Return the row for a generator and for adv-lib's function, from images and labels to adversarial images."""
    model, x, labels = material.model, material.x[:images], material.labels[:images]
    times = take_turns(
        {"fpframe": lambda: ours(model, x, labels, seed=0).delta, "adv-lib": lambda: theirs(x, labels) - x},
        repeats=repeats,
    )
    success, median = {}, {}
    for name, delta in times.results.items():
        success[name] = float((model.logits(x + delta).argmax(1) != labels).double().mean())
        median[name] = float(lengths(delta).median())
    return Row(
        what=f"`{ours.name}`, {len(x)} images",
        than="adv-lib",
        ours=times.seconds["fpframe"],
        theirs=times.seconds["adv-lib"],
        limit=LIMIT,
        good=success["fpframe"] >= success["adv-lib"] and median["fpframe"] <= LONGER * median["adv-lib"],
        quality=f"success {success['fpframe']:.3f} / {success['adv-lib']:.3f}, "
        f"median L2 {median['fpframe']:.4f} / {median['adv-lib']:.4f}",
    )
