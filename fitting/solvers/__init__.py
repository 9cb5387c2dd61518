"""The two solvers of a fit, its Gauss-Newton system, and the structure that makes it fast."""
