"""The process runtime: releases that are archives, run as plain processes under a small supervisor each."""

from .runtime import ProcessRuntime

__all__ = ["ProcessRuntime"]
