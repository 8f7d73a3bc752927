"""Plans of steps, and their execution."""
