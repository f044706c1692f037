"""Style sheet and script of the site."""
