"""Targets: where they are, whether they are healthy, and what HAProxy is told when they move."""
