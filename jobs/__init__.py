"""Many shoots on many machines, with Dask."""
