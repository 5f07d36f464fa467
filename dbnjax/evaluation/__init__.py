"""How good a model is: exact answers where it is small enough, estimates and bounds elsewhere."""
