"""The page that tells, in the morning, what became of a shoot: verdict, pictures, plots, cameras, files."""
