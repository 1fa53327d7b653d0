"""Counts that always balance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mohflow.delivery import Ledger


STEPS = st.lists(
    st.one_of(
        st.just(("wrote",)),
        st.tuples(st.just("refused"), st.sampled_from(["full", "closed"])),
        st.just(("queue",)),
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(
            st.just("settle"),
            st.integers(0, 3),
            st.integers(0, 3),
        ),
    ),
    max_size=50,
)


@given(STEPS)
def test_it_balances_after_every_step(steps: list[tuple]) -> None:
    ledger = Ledger()
    for name, *args in steps:
        before = ledger.snapshot()
        if name == "take":
            ledger.take(min(args[0], before.queued))
        elif name == "settle":
            delivered = min(args[0], before.in_flight)
            dropped = min(args[1], before.in_flight - delivered)
            ledger.settle(delivered, dropped={"down": dropped})
        else:
            getattr(ledger, name)(*args)

        assert ledger.snapshot().is_balanced


def test_a_snapshot_names_reasons_and_leaves_out_zeros() -> None:
    ledger = Ledger()
    ledger.refused("disk_full")
    ledger.settle(dropped={"never": 0})

    assert {"disk_full": 1} == ledger.snapshot().dropped
    assert 1 == ledger.snapshot().lost
