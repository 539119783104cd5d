"""Verification: question a suspect, keep what it answered, and say what that shows."""

from fpframe.verification.export import export_queries
from fpframe.verification.recording import Transcript
from fpframe.verification.verdict import Verdict
from fpframe.verification.verifying import verify, verify_many
from fpframe.verification.yardstick import Yardstick

__all__ = ["Transcript", "Verdict", "Yardstick", "export_queries", "verify", "verify_many"]
