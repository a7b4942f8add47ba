"""Targets: where they are, whether they are healthy, and what HAProxy has to know when they move."""
