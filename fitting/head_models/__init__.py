"""Head models of others, brought into the form of our own: read, kept in the cache folder, registered."""
