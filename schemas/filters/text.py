"""How text is compared without regard to case: lower-cased as ClickHouse lower-cases it, and ς is σ."""

from functools import lru_cache

# Letters that came into Unicode after what Python's tables hold, and that ClickHouse's hold: capital → small.
_LATER = {
    0x1C89: 0x1C8A,
    0xA7CB: 0x0264,
    0xA7CC: 0xA7CD,
    0xA7CE: 0xA7CF,
    0xA7D2: 0xA7D3,
    0xA7D4: 0xA7D5,
    0xA7DA: 0xA7DB,
    0xA7DC: 0x019B,
    **{capital: capital + 0x20 for capital in range(0x10D50, 0x10D66)},
    **{capital: capital + 0x1B for capital in range(0x16EA0, 0x16EB9)},
}


@lru_cache(maxsize=32)  # many conditions may ask of one text, which may be long
def fold(text: str) -> str:
    """At the end of a word Σ becomes ς, elsewhere σ: where a word is searched for, that is no difference."""
    lower = text.lower()
    return lower if lower.isascii() else lower.translate(_LATER).replace("ς", "σ")
