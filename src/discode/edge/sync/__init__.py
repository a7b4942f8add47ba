"""Makes HAProxy do what the table of services says: its configuration, maps and servers."""
