"""The HTTP API, a file per part."""
