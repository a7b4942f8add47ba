"""Requests under way: drains, and uploads that are too slow."""
