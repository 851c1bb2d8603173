"""What goes wrong where the journal is written."""


class JournalError(Exception):
    """A line could not be appended: the disk is full or broken, or another gateway writes here."""
