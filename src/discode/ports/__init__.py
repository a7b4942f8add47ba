"""What the flows need from the world, as Protocols and value types. Imports `core` alone."""
