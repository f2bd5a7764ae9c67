"""DVC remotes: one small class a kind. Nothing here knows Git or experiments."""
