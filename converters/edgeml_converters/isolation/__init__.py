"""Work that may crash its process, done in a child: a crash becomes an error in words.

Model files come from anywhere, and what reads them (the checker and shape inference of onnx, the
engines) is native code that a hostile or unlucky file can bring down, which no ``except`` catches.
So the command line does its work in a child process (`supervise`). The child notes what it is about
to do (`risk`) and which files would be left half-made (`unfinished`) in a memory that outlives it;
when it dies, the parent removes these and says what happened.

The child is forked before anything heavy is loaded, so that this costs some milliseconds and no
memory. Standard library only; must not know what the work is.
"""

from edgeml_converters.isolation.black_box import reading, risk, unfinished
from edgeml_converters.isolation.supervision import supervise

__all__ = ["reading", "risk", "supervise", "unfinished"]
