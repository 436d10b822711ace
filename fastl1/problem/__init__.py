"""What a fit is asked to do, checked once: X, y, weights, offsets, bounds."""
