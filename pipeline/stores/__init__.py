"""What the stages write and read: HDF5 files, stamps and outcomes, whole or absent."""
