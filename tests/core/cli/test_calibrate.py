"""``fpframe calibrate``: an enrolment calibrated again."""

from __future__ import annotations

import pytest

from core.cli.complaining import complaint
from fpframe.cli import run


@pytest.mark.slow
def test_an_enrolment_is_calibrated_through_a_filter(here, capfd, tiny_enrolment):
    calibrate = ["calibrate", str(tiny_enrolment), "--through", "blur(1)", "--out", "new.enrolment", "--workers", "1"]
    assert run(calibrate) == 0
    assert "also through blur(1" in capfd.readouterr().out
    assert "exists already" in complaint(capfd, calibrate, 2)
