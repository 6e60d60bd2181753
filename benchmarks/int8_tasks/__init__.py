"""Int8 on real models: what they answer on data with a known answer, float beside int8.

Each model comes out of a package, and each module of it knows its data and its score. To add one,
write such a module and add its line to ``catalog.py``.
"""
