"""A program of an app on the user's own terminal, or between pipes: signals, raw mode, and bytes both ways."""
