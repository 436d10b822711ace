"""One problem, one alpha after another: the driver, its engines and the certificate."""
