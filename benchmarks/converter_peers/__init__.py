"""edgeml beside other converters to TFLite: what they write, whether it is right, what it costs."""
