"""Models: frozen pytrees of units and weights, with the functions that read them."""
