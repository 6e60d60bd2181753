"""Sources that need a framework, which runs in a process and, mostly, an environment of its own.

``framework`` knows which there are, ``environment`` finds or makes the interpreter, ``worker`` and
``child`` run the framework's script, ``reference`` asks it for answers, ``source`` puts them
together. Nothing here imports a framework.
"""
