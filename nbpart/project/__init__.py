"""What a workspace is made of: its folder and catalog, what is registered, and what is run."""
