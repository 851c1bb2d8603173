"""What happens where features cross: one test for each row of docs/interactions.md."""
