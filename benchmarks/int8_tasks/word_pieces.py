"""BERT's tokens: words in lower case, cut into the longest pieces that the vocabulary has."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")


class WordPieces:
    """Turns sentences of plain English (ASCII) into numbers.

    Args:
        vocabulary: The pieces; their places are the numbers.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}

    def encode(self, sentence: str, tokens: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of *sentence* and which of them count, both (1, tokens) int64."""
        found = [piece for word in _WORD.findall(sentence.lower()) for piece in self._pieces(word)]
        framed = ["[CLS]", *found[: tokens - 2], "[SEP]"]
        numbers, mask = np.zeros((2, 1, tokens), np.int64)
        numbers[0, : len(framed)] = [self._numbers[piece] for piece in framed]
        mask[0, : len(framed)] = 1
        return numbers, mask

    def _pieces(self, word: str) -> Iterator[str]:
        begin = 0
        while begin < len(word):
            mark = "##" if begin else ""
            for end in range(len(word), begin, -1):
                if mark + word[begin:end] in self._numbers:
                    yield mark + word[begin:end]
                    begin = end
                    break
            else:
                yield "[UNK]"
                return
