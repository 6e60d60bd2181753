"""Whether the int8 ONNX file and the int8 TFLite file of one graph give the same integers."""
