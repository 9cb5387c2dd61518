"""vultus cameras check: an imported rig against the footage, before hours are spent."""
