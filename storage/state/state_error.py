"""The error of the state, for whoever asks it without knowing the database behind it."""


class StateError(OSError):
    """The state cannot be read or written; the message is a sentence."""
