"""A rig against the landmarks that its cameras saw: do they agree, and if not, which mistake explains it?"""
