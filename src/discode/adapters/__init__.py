"""The world, a file (or a folder) per tool. Imports `ports` and `core`, never `flows`."""
