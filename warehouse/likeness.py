"""Which texts are alike: by the pieces of three characters that they share, and nothing that was learned anywhere."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

PIECE = 3  # characters
SHARED, OF = (
    3,
    5,
)  # of all pieces that two texts have, both have at least this part (Jaccard): in whole numbers, exactly


def group_alike(texts: Sequence[str]) -> list[list[int]]:
    """Places in `texts`, in groups. Each text in turn joins the first of the texts that it is most like, of those that
    began a group, if it is like it at all; else it begins a group. So what stands first leads."""
    pieces = [pieces_of(text) for text in texts]
    rarest = _rarest_first(pieces)
    leaders: defaultdict[str, list[int]] = defaultdict(list)  # by a piece that they begin with
    groups: dict[int, list[int]] = {}
    for place, own in enumerate(pieces):
        # Two texts so alike share one of so many of their rarest pieces: few others have to be looked at.
        first = rarest[place][: len(own) - -(-SHARED * len(own) // OF) + 1]
        met = sorted({leader for piece in first for leader in leaders[piece]})
        best, leader = max(((likeness(own, pieces[one]), -one) for one in met), default=(0.0, 0))
        if best >= SHARED / OF:
            groups[-leader].append(place)
        else:
            groups[place] = [place]
            for piece in first:
                leaders[piece].append(place)
    return list(groups.values())


def pieces_of(text: str) -> frozenset[str]:
    """All runs of three characters, with a space before and after the text; so one has some, however short."""
    padded = f" {text} "
    return frozenset(padded[start : start + PIECE] for start in range(max(len(padded) - PIECE + 1, 1)))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _rarest_first(pieces: Sequence[frozenset[str]]) -> list[list[str]]:
    common: Mapping[str, int] = Counter(piece for own in pieces for piece in own)
    return [sorted(own, key=lambda piece: (common[piece], piece)) for own in pieces]
