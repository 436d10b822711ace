"""Multinomial regression: one state a class, coupled by the probabilities."""
