"""The lens of one camera from images of a board."""
