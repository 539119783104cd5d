"""Enrolment: everything that is needed later to question a suspect."""

from fpframe.enrolment.enrolling import enroll
from fpframe.enrolment.record import Enrolment

__all__ = ["Enrolment", "enroll"]
