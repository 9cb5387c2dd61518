"""The expression database (W22 section 4.3.1): accepted frames of many fitted performances, to be searched.

A database is a folder of shards. A shard holds what was accepted of one performance; it is written once,
whole, under a name that says what is in it, and never changed. So any number of machines add to a database on
a shared disk without locks, which network file systems do not keep, and a machine that dies leaves nothing
half done. One HDF5 file for all would need both: HDF5 has no second writer, and a writer that is killed can
take the file along.

What is searched is a cache beside the shards: the same frames by columns, in a few large files. It is brought
up to date by whoever looks, replaced in one step, and made again from the shards when anything is wrong. On a
network disk, what another machine added is seen once the disk shows its name, which can take some seconds.
"""
