"""Conducting a job: what is put to the workers when, and what follows from what comes back."""
