"""Holds the words to what the program does: every example of a page is carried out."""
