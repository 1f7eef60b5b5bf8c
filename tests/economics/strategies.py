"""Strategies that once brought a coalition money that was not theirs: found by the search, or told by who did it."""

from __future__ import annotations

from typing import NamedTuple

from tests.economics.moves import Move


class Strategy(NamedTuple):
    """Moves, and whether marks may move meanwhile."""

    marks_move: bool
    moves: tuple[Move, ...]


STRATEGIES = {
    "open at 10 % off the mark with 2 % behind it": Strategy(
        False, (Move("leverage", 153, 500, 38, 774), Move("trade", 793, 153, 471, 772))
    ),
    "open by an order that waits": Strategy(
        False,
        (
            Move("leverage", 153, 500, 38, 774),
            Move("trade", 853, 677, 793, 853),
            Move("order", 757, 853, 874, 564),
            Move("with house", 772, 500, 749, 557),
        ),
    ),
    "open at the mark, close far from it": Strategy(
        False,
        (
            Move("with house", 202, 101, 443, 781),
            Move("leverage", 831, 992, 696, 903),
            Move("close", 482, 809, 160, 34),
            Move("close", 160, 831, 299, 781),
        ),
    ),
    "close far from the mark after it moved": Strategy(
        True,
        (
            Move("leverage", 859, 859, 544, 393),
            Move("leverage", 346, 17, 854, 854),
            Move("with house", 620, 518, 464, 152),
            Move("close", 461, 518, 393, 17),
        ),
    ),
    "take added margin out of a position under water": Strategy(
        True,
        (
            Move("leverage", 0, 0, 4, 0),
            Move("with house", 1, 0, 0, 14),
            Move("margin", 0, 0, 1, 0),
            Move("drift", 1, 1, 4, 0),
            Move("margin", 0, 0, 1, 1),
            Move("margin", 0, 0, 1, 1),
        ),
    ),
    "sell what a loan bought for less than it is worth": Strategy(
        True,
        (
            *[Move("with house", 0, 0, 0, 34)] * 8,
            *(Move("drift", 3, 1, n, 0) for n in (3, 2, 1)),
            *[Move("trade", 0, 6, 16, 34)] * 8,
        ),
    ),
    "close the loser of a hedge first, and keep the winner's cash": Strategy(
        True,
        (
            Move("leverage", 3, 0, 4, 1),
            Move("leverage", 3, 1, 4, 1),
            Move("with house", 1, 3, 0, 6),
            Move("with house", 2, 3, 1, 6),
            Move("drift", 0, 0, 4, 0),
            Move("drift", 0, 0, 4, 0),
            Move("close", 1, 3, 0, 0),
            Move("close", 0, 3, 0, 0),
            Move("take out", 3, 7, 0, 0),
        ),
    ),
}
