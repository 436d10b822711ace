"""What is asked of rows once there is a model: predictions and explanations."""
