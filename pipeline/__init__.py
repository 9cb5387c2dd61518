"""What a TD touches: the command line, the shoot file, stores, stages and exports."""
