"""A network in NumPy, which reads and writes one text: fast, because it does not wait for PyTorch, and short.

Whatever stands here is known without PyTorch: the layout of a network's tensors, and one step of every cell type.
"""
