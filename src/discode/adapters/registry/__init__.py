"""The vendor's side of an image registry, by its own API: no Docker is needed to publish."""

from .client import RegistryClient

__all__ = ["RegistryClient"]
