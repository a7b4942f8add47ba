"""The process runtime: releases that are archives, run as plain processes under a small supervisor each.

Nothing is imported here: every supervisor would carry it.
"""
