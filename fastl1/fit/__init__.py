"""From a checked problem to solutions: paths, many problems, warm starts, results."""
