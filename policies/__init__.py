"""Learners: what decides from experience instead of by rule. They stand on ``env`` and never below it."""
