"""Sixteen small networks as people write them in PyTorch, converted to TFLite and run in LiteRT.

They have the operators and the wiring of well-known architectures, few channels and seeded weights.
"""
