"""Models that are calibrated through a filter share no noise, wherever their answers come from."""

from pathlib import Path

import attrs
import pytest
import torch

from fpframe.enrolment.calibration import PLAIN, CalibrationModel
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.independents import IndependentFile, ask_independents
from fpframe.models import Query, QuerySet
from fpframe.models.queryset import QueryPart
from fpframe.verification.yardstick import _filtered
from fpframe.zoo import FilterChain

QUERIES, CLASSES = 40, 5
NOISE = "answer-noise(0.02)"


@pytest.fixture
def queries():
    images = torch.randint(0, 256, (2, QUERIES, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    return QuerySet(images=images.to(torch.uint8), parts=(QueryPart(start=0, points=QUERIES, pair=False),))


def even(pixels):
    """Answer every class alike, so that what a filter adds is the difference."""
    return torch.full((len(pixels), CLASSES), 1 / CLASSES)


def assert_unlike(noisy):
    first, second = (answers.flatten() - 1 / CLASSES for answers in noisy)
    assert float(first.abs().max()) > 0.01
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.2


def test_files_of_one_name_in_two_folders_draw_noise_of_their_own(queries, registry):
    model = CalibrationModel(name="model.onnx", stratum="own", family="own")
    files = [
        IndependentFile(path=Path(folder, "model.onnx"), model=model, needs_backbone=False) for folder in ("a", "b")
    ]
    chain = FilterChain.parse(NOISE, registry)

    def opened(file):
        return Query(even, num_classes=CLASSES, outputs="probs", batch_size=64)

    able = queries.images[0, :3]
    asked = ask_independents(
        files, opened, lambda file, query: query, queries, able, (chain,), on_event=lambda event: None
    )
    assert_unlike(asked.answers[chain.text])
    assert asked.labels.shape == (2, 3)


def test_recorded_answers_are_put_through_a_filter_with_noise_of_their_own(tiny_enrolment, registry):
    enrolment = Enrolment.open(tiny_enrolment)
    plain = torch.full_like(enrolment.calibration.answers[PLAIN], 0.1)  # ten classes
    recorded = attrs.evolve(
        enrolment, calibration=attrs.evolve(enrolment.calibration, answers={PLAIN: plain}, views={})
    )
    answers = _filtered(recorded, FilterChain.parse(NOISE, registry))
    first, second = (each.flatten() - 0.1 for each in answers[:2])
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 0.2
