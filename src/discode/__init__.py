"""Discode: install and update self-hosted web applications without an outage."""

__version__ = "0.1.0"
