"""The data check: a manifest and its files, looked at as a supervisor would, and told on one page."""

from trus.data.check.findings import KINDS, Finding, Severity
from trus.data.check.run import Check, check_manifest

__all__ = ["KINDS", "Check", "Finding", "Severity", "check_manifest"]
