"""Hosted tool `exec_code`: runs code of the model in a cell of its own, without network and without files."""
