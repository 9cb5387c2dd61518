"""Many sequences on many machines, with Dask."""
