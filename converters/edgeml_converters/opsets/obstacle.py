"""What keeps one node from an older form."""


class Obstacle(Exception):  # noqa: N818 - it is caught and gathered, no error of the program
    """Raised where a node has no older form; its text ends the sentence 'X cannot be lowered:'."""
