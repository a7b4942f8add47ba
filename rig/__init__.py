"""Real parts of one's own, for the demo, the benchmarks and the tests: a Docker engine, a registry, images."""
