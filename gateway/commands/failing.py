"""What a command ends with when it cannot do its work: one or two sentences, exit code 1."""


class Failed(Exception):
    """The command was refused or found faults; the message is for the person at the terminal."""
