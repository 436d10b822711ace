"""Forms of a model that run without fastl1: C, ONNX, scikit-learn."""
