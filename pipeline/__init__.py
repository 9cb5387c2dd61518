"""What a TD touches: the command line, the shoot file, stores, stages and exports."""

PACKAGES = ("calibration", "fitting", "detector", "pipeline", "jobs")
"""The packages of vultus, whose loggers tell what happens."""
