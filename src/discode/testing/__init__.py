"""The testing kit: ports in memory that obey the ports' contracts. Imports `flows` (for the world), `ports`, `core`."""
