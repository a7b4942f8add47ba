"""The edge as a program: its start and end, its control socket, upgrade and take-over."""
