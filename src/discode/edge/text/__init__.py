"""What is written for HAProxy: its configuration, maps and pages, from the services."""
