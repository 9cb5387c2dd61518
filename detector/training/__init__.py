"""Training: synthetic samples in, a network with calibrated uncertainty out."""
