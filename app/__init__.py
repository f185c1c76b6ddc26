"""People: the command line, the chat page and the server behind it."""
