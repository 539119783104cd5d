"""Enrolment: everything that is needed later to question a suspect."""

from fpframe.enrolment.enrolling import enroll
from fpframe.enrolment.prepare import Setting, prepare
from fpframe.enrolment.record import Enrolment

__all__ = ["Enrolment", "Setting", "enroll", "prepare"]
