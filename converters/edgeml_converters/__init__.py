"""From a trained model to a verified artifact: the host's half of edgeml.

Contents, each a package that is imported by its own name:

- ``sources``: a file of the user's -> the graph in memory, and the reference that judges artifacts
- ``graph``: passes over the graph, and the graph back to ONNX
- ``quantize``: calibration, and int8 as QDQ on the graph
- ``tflite``: the graph -> a TFLite file
- ``data``: the user's samples, streamed
- ``verify``: parity and accuracy of an artifact against its source
- ``inspection``: what a model file holds and what keeps it from running

The graph is an ``onnx_ir.Model``. Nothing here knows of devices or of the command line. Importing
this package loads nothing: each of the above brings its own libraries.
"""
