"""The ground floor: what every house that touches the disk does there, with one promise each.

`whole`    a file is replaced whole: after a crash it is the old one or the new one, never a part
`lines`    a line is appended: after a crash it is there with its line end, or readers do not see it
`lock`     a lock between processes, which the kernel takes from a dead one
`folders`  folders and names that outlive a power loss, and the room that is left
`modes`    the umask of our programs, whoever starts them
`secret`, `given_secret`  files for a secret that we make, and with one that we are given
`refusal`  what the operating system refuses, in words

All raise OSError; what an error means for the app is said by the houses. Imports nothing of ours, and of the standard
library only what costs nothing: each supervisor of a process holds it in memory.
"""
