"""ONNX's own test cases of its operators, through the TFLite writer and LiteRT.

`parameters.toml` says which inputs of an operator are parameters: in models they are constants, in
the cases mostly inputs, as which TFLite has no form for many of them. They are made constants.
"""
