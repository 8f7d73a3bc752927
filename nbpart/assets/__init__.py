"""What a user declares, and the graph of it."""
