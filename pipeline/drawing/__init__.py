"""Pictures of meshes and landmarks, without OpenGL."""
