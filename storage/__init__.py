"""What keeps bytes."""
