"""Random small graphs of every operator that can be written, against onnxruntime.

A graph grows node by node. Each node runs in onnxruntime as soon as it is drawn, on the inputs that
the finished graph will be fed, once as they are and once disturbed by the rounding so far: what
gives no finite numbers, or would make much of rounding, is not added. So whatever differs in the
end by more than 1e-4 of the range is wrong.
"""
