"""The commands, each of which reads from top to bottom like the promise it keeps."""
