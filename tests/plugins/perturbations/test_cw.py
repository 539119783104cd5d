"""`cw` finds short ways out, image by image, and keeps away from the boundary as it is told."""

from __future__ import annotations

import torch

from fpframe.models.queryset import to_pixels
from fpframe_plugins.perturbations._cw import cw_l2
from fpframe_plugins.perturbations.cw import Cw
from fpframe_plugins.perturbations.ddn import Ddn
from fpframe_plugins.perturbations.pgd_l2 import PgdL2
from plugins.perturbations.small_models import digits, fooled, linear


def test_cw_finds_ways_out_as_short_as_those_of_ddn_and_as_short_as_pgd_l2_needs(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    # no pixel is black, where the tanh of the method is flat and takes thousands of steps
    x, labels = 0.3 + 0.4 * to_pixels(images[1200:1250]), labels[1200:1250]
    made = Cw(steps=100, learning_rate=0.02)(victim, x, labels, seed=0)
    lengths = made.delta.flatten(1).norm(dim=1)
    assert bool(made.converged.all())
    ddn = Ddn(steps=100, rounding="none")(victim, x, labels, seed=0)
    assert float(lengths.median()) < 1.005 * float(ddn.delta.flatten(1).norm(dim=1).median())
    # a ball of the median length lets pgd-l2 out of about half of the images, and no more
    within = PgdL2(epsilon=float(lengths.median()))(victim, x, labels, seed=0).converged
    assert 0.3 < float(within.float().mean()) <= 0.54


def test_cw_treats_each_image_as_if_it_were_alone(victim):
    images, _ = digits()
    x = 0.3 + 0.4 * to_pixels(images[1200:1205])
    labels = victim.logits(x).argmax(1)
    together, _, steps = cw_l2(victim, x, labels=labels, steps=60, learning_rate=0.05)
    alone = [cw_l2(victim, x[[i]], labels=labels[[i]], steps=60, learning_rate=0.05) for i in range(len(x))]
    assert torch.allclose(together, torch.cat([delta for delta, _, _ in alone]), atol=1e-3)
    # images leave a search one by one, or it would not matter who else is in the batch
    assert len({taken for _, _, taken in alone}) > 1
    assert max(taken for _, _, taken in alone) <= steps


def test_images_leave_a_search_of_cw_by_themselves_and_lose_little_by_it():
    model = linear(torch.tensor([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]]))
    x = 0.2 + 0.6 * torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    labels, asked = model(x).argmax(1), []
    model.register_forward_hook(lambda _, inputs, __: asked.append(len(inputs[0])))
    late, early = (
        cw_l2(model, x, labels=labels, steps=200, abort_early=abort_early)[0].flatten(1).norm(dim=1)
        for abort_early in (False, True)
    )
    assert asked[: 9 * 200] == [20] * (9 * 200)
    assert sum(asked[9 * 200 :]) < 0.7 * sum(asked[: 9 * 200])
    assert len(set(asked[9 * 200 :])) > 3
    assert float((early / late).max()) < 1.01


def test_confidence_keeps_cw_away_from_the_boundary_also_as_8_bit_images(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1250], labels[1200:1250]
    shares = []
    for confidence in (0.0, 1.0):
        cw = Cw(steps=60, learning_rate=0.05, confidence=confidence)
        made = cw(victim, to_pixels(images), labels, seed=0)
        shares.append(fooled(victim, images, made.delta))
        logits = victim.logits(to_pixels(images) + made.delta)
        own = victim.logits(to_pixels(images)).argmax(1, keepdim=True)
        lead = logits.scatter(1, own, -torch.inf).amax(1) - logits.gather(1, own).squeeze(1)
        assert float(made.converged.float().mean()) > 0.95
        assert confidence - 1e-4 < float(lead[made.converged].min()) < confidence + 0.1
    assert shares[0] < 0.5
    assert shares[1] > 0.95
