"""HAProxy itself: its process, its runtime socket, its sessions, its logs, its version."""
