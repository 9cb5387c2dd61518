"""What the bases of a model lack of an actor's head: found, weighed against the landmarks, kept smooth."""
