"""One readable file per promise to the user. Imports `ports` and `core`, never `adapters`."""
