"""The program: from its start to its end, its socket, and what follows it."""
