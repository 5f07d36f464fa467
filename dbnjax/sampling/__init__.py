"""Kernels that leave a distribution unchanged, and chains made of them."""
