"""Prediction: coefficients arranged for lookup, batches of rows, one row."""
