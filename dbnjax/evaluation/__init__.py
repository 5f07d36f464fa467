"""How good a model is: exact answers by enumeration where the model is small enough."""
