"""How a job is watched, while it runs and after."""
