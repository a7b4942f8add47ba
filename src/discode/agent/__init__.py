"""The one program of a host that decides when something is done, and starts the ordinary command for it.

Each command is a process of its own, so the agent can be killed, upgraded or absent at any time: nothing but the time
of things depends on it. What is due is read off what commands have left; it never carries out a flow, and asks nobody.

    chores      the table: which commands there are, and how often
    agent       what is due is started, what has ended is noted
    running     a command under way: of this agent, or of one before it
    state       the file in which that is written down, for the next agent and for who looks
    bell        how others wake it
    program     the process: lock, signals, sleep

Imports core and disk. What it looks at is handed in.
"""
