"""What makes the front end: its sources, and the tools that bundle, check and test them. Not part of the wheel."""
