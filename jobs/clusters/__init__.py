"""Where the workers of a job run: this machine, any Dask scheduler, a queue of jobs, hosts over SSH."""
