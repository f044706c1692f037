"""The moves of the search: each kind drafts one legal proposal; ``table`` lists them all."""
