"""What the user types and sees. Imports `flows`, `ports` and `core`; only `wiring` imports `adapters`."""
