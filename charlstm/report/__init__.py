"""Events and results as a person reads them."""
