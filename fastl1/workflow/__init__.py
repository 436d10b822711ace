"""What `fastl1 fit` does, without a terminal: from a file to a model and its report."""
