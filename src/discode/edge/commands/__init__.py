"""The commands. Each is one function that reads from top to bottom like the promise it keeps."""
