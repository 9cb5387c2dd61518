"""Where cameras stand to each other, and which images have a say about it."""
