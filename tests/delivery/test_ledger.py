"""Counts that always balance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mohflow.delivery.ledger import Fates, Ledger


COUNT = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["wrote", "queue"])),
        st.tuples(st.just("refused"), st.sampled_from(["full", "closed"])),
        st.tuples(
            st.sampled_from(["spool", "take", "spill", "give_up", "lose"]),
            COUNT,
        ),
        st.tuples(st.just("settle"), COUNT, COUNT, COUNT, st.booleans()),
    ),
    max_size=50,
)


@given(STEPS)
def test_it_balances_after_every_step(steps: list[tuple]) -> None:
    ledger = Ledger()
    for name, *args in steps:
        now = ledger.snapshot()
        if name in {"take", "spill"}:
            getattr(ledger, name)(min(args[0], now.queued))
        elif name == "give_up":
            ledger.give_up(min(args[0], now.in_flight))
        elif name == "lose":
            ledger.lose("queue_full", min(args[0], now.queued))
        elif name == "settle":
            *counts, spooled = args
            left = now.spooled if spooled else now.in_flight
            some = []
            for count in counts:
                some.append(min(count, left - sum(some)))
            fates = Fates(some[0], {"bad": some[1]}, {"down": some[2]})
            ledger.settle(fates, spooled=spooled)
        else:
            getattr(ledger, name)(*args)
        after = ledger.snapshot()

        assert after.is_balanced
        assert 0 <= min(after.queued, after.in_flight, after.spooled)


def test_a_snapshot_names_reasons_and_leaves_out_zeros() -> None:
    ledger = Ledger()
    ledger.refused("disk_full")
    ledger.settle(Fates(dropped={"never": 0}))

    assert {"disk_full": 1} == ledger.snapshot().dropped
    assert 1 == ledger.snapshot().lost


def test_the_child_of_a_fork_counts_from_zero() -> None:
    ledger = Ledger()
    ledger.queue()
    ledger.after_fork()

    assert 0 == ledger.snapshot().accepted
