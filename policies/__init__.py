"""The rules that an operator writes, and what reads them."""
