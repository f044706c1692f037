"""The deciders: smooth starts, legalisation, exact search. Engines never import learners."""
