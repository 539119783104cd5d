"""Enrolment: everything that is needed later to question a suspect."""

from fpframe.enrolment.calibration import Calibration, CalibrationModel
from fpframe.enrolment.enrolling import enroll
from fpframe.enrolment.recalibrating import calibrate
from fpframe.enrolment.record import Enrolment

__all__ = ["Calibration", "CalibrationModel", "Enrolment", "calibrate", "enroll"]
