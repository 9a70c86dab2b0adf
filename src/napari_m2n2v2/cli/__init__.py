"""The command line: one file a command; nothing heavy is imported until it runs."""
