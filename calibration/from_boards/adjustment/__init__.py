"""Bundle adjustment of cameras, board poses and boards: derivatives, normal equations, the solver."""
