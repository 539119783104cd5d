"""What the holder brings: independent models of which some are copies of the victim, but for a little noise."""

from __future__ import annotations

import pytest
import torch

import fpframe

pytestmark = pytest.mark.usefixtures("few_models")


def test_a_copy_of_the_victim_with_a_little_noise_is_flagged_in_every_verdict(sworn, digits, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    for seed in range(4):
        model = fpframe.build_backbone(sworn.run.registry, "paper:arc-e", 10, digits.image_shape, seed=seed)
        seen = digits.train[400 + 20 * seed : 1300 + 20 * seed]
        fpframe.train(model, seen.pixels, seen.labels, fpframe.Training(epochs=15, batch_size=32), seed=seed)
        fpframe.save_weights(model, folder / f"{seed}.safetensors")
    theirs = fpframe.Independents(folder, backbone="paper:arc-e")
    honest = fpframe.calibrate(sworn.enrolment, independents=theirs)
    assert "calibration-near-victim" not in {note.code for note in honest.caveats}
    copied = sworn.network(digits)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in copied.module.parameters():
            weight.add_(1e-4 * torch.randn_like(weight))
    fpframe.save_weights(copied, folder / "copy.safetensors")
    forced = fpframe.calibrate(sworn.enrolment, independents=theirs)
    [note] = [note for note in forced.caveats if note.code == "calibration-near-victim"]
    assert note.text.startswith("1 of the models that calibrate")
    assert "copy" in note.text
    again = fpframe.calibrate(forced, run=sworn.run)
    assert "calibration-near-victim" not in {note.code for note in again.caveats}
