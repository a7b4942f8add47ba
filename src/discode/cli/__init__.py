"""What the user types and sees. Imports `flows`, `ports` and `core`; only `wiring` imports `adapters`.

The help imports the file of every command, so what a command works with (`wiring`, flows, pydantic by them, the hub's
libraries) is imported by the command itself. What `main` needs anyway, and what costs less than a millisecond, is not.
"""
