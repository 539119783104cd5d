"""`extract-jacobian` asks along the Jacobian of its student."""

from __future__ import annotations

import torch

from plugins.attacks.thieves_of_answers import CONTEXT, Watched


def test_jacobian_augmentation_doubles_the_images_along_the_sign_of_the_jacobian(
    make, loot, blackbox, student, trainings
):
    trainings.really = True
    teacher = Watched(blackbox)
    make("extract-jacobian", seeds=0.1, step=0.1, rounds=3).simulate(
        student, teacher, loot[:300], context=CONTEXT, seed=0
    )
    assert [len(pixels) for pixels in teacher.asked] == [30, 30, 60, 120]
    assert [len(pixels) for pixels, *_ in trainings.calls] == [30, 60, 120, 240]
    for turn in (1, 2, 3):
        images, moved = torch.cat(teacher.asked[:turn]), teacher.asked[turn]
        copied, labels = trainings.students[turn - 1], blackbox.logits(images).argmax(1)
        jacobian = torch.func.jacrev(lambda x, copied=copied: copied(x).softmax(1).sum(0))(images)
        slopes = jacobian[labels, torch.arange(len(images))]
        told = (slopes.abs() > 1e-6) & (images > 0.11) & (images < 0.89)
        assert told.any()
        assert torch.equal((moved - images)[told].sign(), slopes[told].sign())
        assert float(((moved - images)[told].abs() - 0.1).abs().max()) < 1 / 255
