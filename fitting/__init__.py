"""The head model, its priors, the energy and the solvers: arrays in, arrays out."""
