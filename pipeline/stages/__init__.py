"""The stages from images to animation: one verb in one module, each a ``main`` that returns its path."""
