"""What a worker does for a job, and how it leaves."""
