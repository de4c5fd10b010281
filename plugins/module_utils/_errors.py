# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""One tree of errors. Each says what was found, what was expected and what to do."""

from __future__ import annotations

import typing as t


class SeaworthyError(Exception):
    """An error for people (its text) and for programs (its `result`)."""

    def __init__(
        self,
        message: str,
        *,
        found: object = None,
        expected: object = None,
        remedy: str | None = None,
        **details: t.Any,
    ) -> None:
        self.message = message
        self.found = found
        self.expected = expected
        self.remedy = remedy
        self.details = details
        parts = [message.rstrip(".")]
        if found is not None:
            parts.append(f"found: {found}")
        if expected is not None:
            parts.append(f"expected: {expected}")
        if remedy:
            parts.append(remedy)
        super().__init__(". ".join(parts))

    @property
    def result(self) -> dict[str, t.Any]:
        """What a module returns beside `msg`."""
        named = {"found": self.found, "expected": self.expected, "remedy": self.remedy}
        return {key: value for key, value in (named | self.details).items() if value is not None}


class InputError(SeaworthyError):
    """What the user gave us cannot be used."""


class ClusterError(SeaworthyError):
    """The engine refused a request."""

    def __init__(self, message: str, *, status: int | None = None, **details: t.Any) -> None:
        super().__init__(message, **details)
        self.status = status


class Conflict(ClusterError):
    """Somebody else was faster: the object exists already, or our version index is stale."""


class NotFound(ClusterError):
    """The object does not exist."""


class Unavailable(ClusterError):
    """No answer or no leader: the same request may succeed later."""


class EdgeError(SeaworthyError):
    """An edge did not answer, or answered what it should not."""


class DeadlineExceeded(SeaworthyError):
    """Something took longer than it may."""


class ReleaseFailed(SeaworthyError):
    """A release did not succeed; `phase` and `reason` say where and why."""

    def __init__(self, phase: str, reason: str, **details: t.Any) -> None:
        super().__init__(f"the release failed in phase {phase}: {reason}", **details)
        self.phase = phase
        self.reason = reason

    @property
    def result(self) -> dict[str, t.Any]:
        return super().result | {"phase": self.phase, "reason": self.reason}


class LeaseHeld(SeaworthyError):
    """Another run owns it."""

    def __init__(self, what: str, owner: str, expires: float, now: float) -> None:
        super().__init__(
            f"{what} is being changed by {owner}",
            found=f"a lease that ends in {max(0, round(expires - now))} s unless it is renewed",
            remedy="Wait until that run has ended, then try again.",
            owner=owner,
            expires=expires,
        )
        self.owner = owner
        self.expires = expires
