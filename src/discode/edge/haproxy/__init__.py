"""HAProxy itself: the process, what is under way in it, and its logs."""
