"""The edge proxy: HAProxy kept under kamal-proxy's commands; a program of its own. Imports `core` alone."""
