"""Services: what the edge is asked to serve, from the command line to the saved state."""
