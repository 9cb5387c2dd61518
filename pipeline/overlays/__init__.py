"""The fitted head over the images: movies and contact sheets."""
