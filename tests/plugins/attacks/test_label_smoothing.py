"""`label-smoothing` lowers confidence."""

from __future__ import annotations


def confidence(model, pixels):
    return float(model.logits(pixels).softmax(1).amax(1).mean())


def test_label_smoothing_lowers_confidence_more_than_fine_tuning_does(steal, digits):
    plain = confidence(steal("finetune"), digits.test.pixels)
    some, much = (confidence(steal("label-smoothing", smoothing=s), digits.test.pixels) for s in (0.1, 0.5))
    assert some < plain - 0.005
    assert much < some - 0.05
