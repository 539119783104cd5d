"""`extract-adversarial` asks what its student finds hard."""

from __future__ import annotations

import attrs
import torch.nn.functional as F

from fpframe import AttackContext
from plugins.attacks.thieves_of_answers import TRAINING, Watched


def test_adversarial_queries_are_harder_for_the_student_of_the_last_round(make, loot, blackbox, student, trainings):
    trainings.really = True
    teacher = Watched(blackbox)
    thief = make("extract-adversarial", epsilon=0.2, rounds=2)
    longer = AttackContext(training=attrs.evolve(TRAINING, epochs=30))
    thief.simulate(student, teacher, loot[:300], context=longer, seed=0)
    natural, *crafted = teacher.asked
    answers = blackbox.logits(natural).softmax(1)
    for pixels, copied in zip(crafted, trainings.students, strict=False):
        assert float((pixels - natural).abs().max()) <= 0.2 + 1 / 255
        assert F.cross_entropy(copied.logits(pixels), answers) > 2 * F.cross_entropy(copied.logits(natural), answers)
