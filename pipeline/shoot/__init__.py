"""The shoot file: what it says, how it is found, and how a new one is drafted."""
