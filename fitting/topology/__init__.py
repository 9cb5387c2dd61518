"""The user's own head mesh: where its vertices lie on ours, and how it and its blend shapes follow a take."""
