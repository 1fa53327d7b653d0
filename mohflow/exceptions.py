"""
The exceptions of MohFlow::

    MohflowError
    ├── ConfigurationError    a setting is unknown, invalid or unusable
    ├── SinkError             a sink tells the engine what became of a batch
    │   ├── Unavailable       nothing was stored; ask again later
    │   └── Rejected          it will never be stored
    └── SpoolError            the disk did not take what was to be kept
"""

from __future__ import annotations


class MohflowError(Exception):
    """Any error that MohFlow raises."""


class ConfigurationError(MohflowError, ValueError):
    """
    A setting cannot be used.

    The message names the setting, its value, where the value came from and
    what would be right.
    """


class SinkError(MohflowError):
    """
    A sink could not store a batch.

    Args:
        reason: One or two words that become the key under which the loss is
            counted in the ledger.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(SinkError):
    """
    Nothing of the batch was stored; the same batch may be stored later.

    Args:
        retry_after: Seconds that the back end asked to wait, if it did.
        only_partition: Whether others may be stored meanwhile: events with
            another :meth:`~mohflow.Sink.partition` then do not wait.
    """

    def __init__(
        self,
        reason: str,
        retry_after: float | None = None,
        *,
        only_partition: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.only_partition = only_partition


class Rejected(SinkError):
    """
    The batch will never be stored as it is.

    Args:
        split: Whether halves of the batch may be tried, because a single
            event may be at fault.
    """

    def __init__(self, reason: str, *, split: bool = False) -> None:
        super().__init__(reason)
        self.split = split


class SpoolError(MohflowError):
    """
    The disk did not take events; what was on it before is still there.

    Args:
        reason: One or two words, such as ``disk_full``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
