"""Texts that are alike, held against a comparison of each with each."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.warehouse.likeness import group_alike, likeness, pieces_of

WORDS = "how,do,i,can,reset,my,password,user,name,what,does,it,cost,is,there,an,api,wie,kündige,ich,価格,x"


def slowly(texts: list[str]) -> list[list[int]]:
    groups: list[list[int]] = []
    for place, text in enumerate(texts):
        like = [likeness(pieces_of(text), pieces_of(texts[group[0]])) for group in groups]
        if like and max(like) >= 0.6:
            groups[like.index(max(like))].append(place)
        else:
            groups.append([place])
    return groups


@given(st.lists(st.lists(st.sampled_from(WORDS.split(",")), max_size=8).map(" ".join), max_size=40))
def test_groups_are_those_of_comparing_each_with_each(texts: list[str]) -> None:
    assert group_alike(texts) == slowly(texts)


@given(st.lists(st.text("abc ", max_size=12), max_size=60))
def test_so_are_those_of_texts_that_share_nearly_all(texts: list[str]) -> None:
    assert group_alike(texts) == slowly(texts)


@pytest.mark.parametrize("seed", range(5))
def test_many_texts_that_are_exactly_as_alike_as_they_have_to_be(seed: int) -> None:
    chance = random.Random(seed)
    texts = ["".join(chance.choices("ab", k=chance.randrange(1, 60))) for _ in range(200)]
    assert group_alike(texts) == slowly(texts)


def test_the_same_question_in_other_words_is_one_and_another_question_is_not() -> None:
    texts = ["how do i reset my password", "how can i reset my password", "how do i reset my passwort", "what is new"]
    assert group_alike(texts) == [[0, 1, 2], [3]]


def test_every_text_has_a_piece_however_short() -> None:
    assert [pieces_of(text) for text in ("", "a", "ab")] == [{"  "}, {" a "}, {" ab", "ab "}]
    assert group_alike(["a", "b", "a"]) == [[0, 2], [1]]
    assert group_alike([]) == []
