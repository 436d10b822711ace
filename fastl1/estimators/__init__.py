"""scikit-learn's interface: estimators with its names, signatures and attributes."""
