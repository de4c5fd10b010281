# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""A release as a state machine: a new colour of the whole app starts beside the old one, proves on every edge that it
answers, takes over, and only then the old one goes. Whatever fails before that removes the new colour again.

Clock, cluster, edges and stacks are injected. The order of the steps, and why: DESIGN of the project, "Releases".
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import typing as t

from . import _compose, _edges, _routing, _run
from ._clock import Clock, Deadline
from ._cluster import Cluster
from ._errors import Conflict, ReleaseFailed, SeaworthyError
from ._lease import LeaseLost
from ._plan import Plan, Request, decide, releases_of
from ._progress import Emit, Phase, Progress
from ._stack import Stacks
from ._start import START_SECONDS, Start

Json = dict[str, t.Any]
Labels = dict[str, str]

# Seconds; each holds at least 30 in which the swarm may be without a leader.
EDGE_SECONDS = 60.0
API_SECONDS = 60.0
REMOVE_SECONDS = 180.0


class Release:
    """One run. Subclasses may replace single steps."""

    def __init__(
        self,
        request: Request,
        *,
        cluster: Cluster,
        edges: _edges.Edges,
        stacks: Stacks,
        clock: Clock,
        emit: Emit,
        nonce: str,
    ) -> None:
        self.request = request
        self.app = request.app
        self.cluster = cluster
        self.edges = edges
        self.stacks = stacks
        self.clock = clock
        self.progress = Progress(self.app.name, clock, emit)
        self.plan: Plan
        self._nonce = nonce

    # -- the run ----------------------------------------------------------------------------------

    def run(self) -> Json:
        """The result; or ReleaseFailed (nothing of the new release is left, or the result says what), LeaseHeld …"""
        began = self.clock.monotonic()
        self.progress.acquire(self.cluster, self.request.owner, self._nonce)
        try:
            self.plan = decide(self.request, self.progress.lease.record, self._present())
            self.progress.say(self.plan.reason)
            if self.plan.acts:
                _run.refuse_beside(self.cluster, self.app.name, self.clock.time())
                self._work()
            self.progress.enter(Phase.DONE, self.plan.reason)
        finally:
            with contextlib.suppress(SeaworthyError):
                self.progress.lease.release()
        record = self.progress.lease.record
        return {
            "changed": self.plan.acts,
            "phase": str(self.progress.phase),
            "release": f"r{record.serving}",
            "version": record.version,
            "reason": self.plan.reason,
            "differs": self.plan.differs,
            "previous": f"r{self.plan.blue}" if self.plan.release and self.plan.blue else None,
            "seconds": round(self.clock.monotonic() - began, 1),
            "steps": self.progress.steps,
        }

    def _work(self) -> None:
        green = Start(self.request, self.plan, self.cluster, self.stacks, self.progress)
        try:
            self.clean()
            if not self.plan.release:
                return
            self.start(green, self.pull(green))
            self.switch()
            self.retire()
        except LeaseLost:
            raise
        except SeaworthyError as error:
            failed = self.progress.phase
            evidence = green.evidence()
            self.progress.say(f"failed: {error}")
            left = self._undo(failed)
            serving = self.progress.lease.record.serving
            raise ReleaseFailed(
                str(failed),
                str(error),
                release=f"r{self.plan.number}",
                version=self.plan.version,
                serving=f"r{serving}" if serving else None,
                left=left,
                tasks=evidence,
                steps=self.progress.steps,
            ) from error

    def clean(self) -> None:
        """Remove what a killed run left, and give the release that serves the labels of one that serves."""
        self.progress.enter(Phase.CLEAN, "looking for what an earlier run left")
        blue = self._services(self.plan.blue)
        if self._relabel(blue, _routing.offered):
            self._confirm(blue)
        for number in self.plan.leftovers:
            self.progress.say(f"removing r{number}, which an earlier run left")
            self.progress.pause(self._withdraw(number).remaining())
            self._remove(number)
        if self._relabel(blue, _routing.serving):
            self._confirm(blue)

    def pull(self, green: Start) -> Json:
        """Every image, and the document of what is started from them."""
        self.progress.enter(Phase.PULL, "pulling the images")
        return green.prepare()

    def start(self, green: Start, document: Json) -> None:
        """The new release beside the old one, until it is healthy and answers through every edge."""
        number = self.plan.number
        self.progress.enter(Phase.START, f"starting r{number}", last=number)
        green.create(document)

        def doubt() -> str | None:
            return green.doubt_of_tasks(green.services) or self._doubt_of_servers() or self.doubt_of_previews()

        self.progress.wait(f"the start of r{number}", START_SECONDS, doubt)

    def switch(self) -> None:
        """Users get the new release; every edge must say so."""
        colour = _routing.Colour.SWITCHED if self.plan.blue else _routing.Colour.SERVING
        self.progress.enter(Phase.SWITCH, f"switching to r{self.plan.number}")
        for service in self._routed():
            labels = _routing.labels(self.app, service, self.plan.number, colour)
            self._relabel([self._service(service)], _always(labels))
        self._confirm([self._service(service) for service in self._routed()])
        self.progress.say(f"r{self.plan.number} takes the requests on every edge", step="switched")

    def retire(self) -> None:
        """From here the new release is the one that serves, and nothing is undone any more."""
        plan = self.plan
        self.progress.enter(
            Phase.RETIRE,
            f"r{plan.number} serves" + (f"; retiring r{plan.blue}" if plan.blue else ""),
            serving=plan.number,
            version=plan.version,
            document=plan.document,
        )
        if plan.blue:
            drained = self._withdraw(plan.blue)
            names = self._services(plan.number)
            self._relabel(names, _routing.serving)
            self._confirm(names)
            self.progress.pause(drained.remaining())
            self._remove(plan.blue)

    # -- what must be true ------------------------------------------------------------------------

    def _doubt_of_servers(self) -> str | None:
        for edge in self.edges.all:
            for service in self._routed():
                key = _routing.service_key(self.app.name, service, self.plan.number)
                doubt = _edges.doubt_of_service(key, self._replicas(service), self.edges.service(edge, key))
                if doubt:
                    return f"edge {edge.name} {doubt}"
        return None

    def doubt_of_previews(self) -> str | None:
        """As many requests as there are replicas: Traefik hands them round."""
        for edge in self.edges.all:
            for preview in _routing.previews(self.app, self.plan.number):
                for _replica in range(self._replicas(preview.service)):
                    doubt = _edges.doubt_of_preview(preview, self.edges.preview(edge, preview))
                    if doubt:
                        return f"edge {edge.name} {doubt}"
        return None

    def _doubt_of_routers(self, wanted: c.Sequence[_routing.Router]) -> str | None:
        for edge in self.edges.all:
            for router in wanted:
                doubt = _edges.doubt_of_router(router, self.edges.router(edge, router.name))
                if doubt:
                    return f"edge {edge.name} {doubt}"
        return None

    def _doubt_of_absence(self, names: c.Sequence[str]) -> str | None:
        for edge in self.edges.all:
            for name in names:
                if self.edges.router(edge, name) is not None:
                    return f"edge {edge.name} still has router {name}"
        return None

    # -- steps ------------------------------------------------------------------------------------

    def _withdraw(self, number: int) -> Deadline:
        """Out of every edge's routers. The answer is the time in which its last requests may end."""
        services = self._present().get(number, [])
        routers = [router for service in services for router in _routing.routers_of(service["Spec"]["Labels"])]
        self._relabel([service["Spec"]["Name"] for service in services], _routing.withdrawn)
        names = [router.name for router in routers]
        self.progress.wait(f"taking r{number} off the edges", EDGE_SECONDS, lambda: self._doubt_of_absence(names))
        self.progress.say(f"r{number} is off every edge", step="withdrawn")
        drain = self.app.drain if any(router.public for router in routers) else 0.0
        return Deadline(self.clock, drain, f"the last requests to r{number}")

    def _remove(self, number: int) -> None:
        stack = self._stack(number)
        self.progress.say(f"removing stack {stack}")
        self.progress.lease.beat()
        self.progress.wait(f"the removal of stack {stack}", REMOVE_SECONDS, lambda: self.stacks.remove(stack))

    def _relabel(self, services: c.Sequence[str], change: c.Callable[[Labels], Labels]) -> bool:
        """Replace the Traefik labels of services; true when one differed."""
        changed = False
        for name in services:

            def once(name: str = name) -> str | None:
                nonlocal changed
                service = self.cluster.service(name)
                labels: Labels = service["Spec"].get("Labels") or {}
                live = {label: value for label, value in labels.items() if label.startswith("traefik.")}
                wanted = {label: value for label, value in labels.items() if label not in live} | change(live)
                if wanted == labels:
                    return None
                changed = True
                # The index was read before: whoever takes over from here on makes it stale.
                self.progress.lease.beat()
                try:
                    spec = service["Spec"] | {"Labels": wanted}
                    self.cluster.update_service(service["ID"], service["Version"]["Index"], spec)
                except Conflict as conflict:
                    return conflict.message
                return None

            self.progress.wait(f"changing the labels of {name}", API_SECONDS, once)
        return changed

    def _confirm(self, services: c.Sequence[str]) -> None:
        """Every edge routes as the labels of these services say."""
        routers = [
            router
            for name in services
            for router in _routing.routers_of(self.cluster.service(name)["Spec"].get("Labels") or {})
        ]
        self.progress.wait("the change on every edge", EDGE_SECONDS, lambda: self._doubt_of_routers(routers))

    def _undo(self, failed: Phase) -> str | None:
        """Before the new release serves it is removed. What cannot be removed now is named; the next run removes it."""
        if failed is Phase.RETIRE:
            return f"r{self.plan.number} serves; r{self.plan.blue} is removed by the next run"
        if failed not in (Phase.START, Phase.SWITCH):
            return None
        number = self.plan.number
        try:
            self.progress.say(f"removing r{number}")
            self.progress.pause(self._withdraw(number).remaining())
            self._remove(number)
        except SeaworthyError as error:
            self.progress.say(f"r{number} could not be removed: {error}")
            return f"r{number} is still there and is removed by the next run: {error}"
        return None

    # -- names ------------------------------------------------------------------------------------

    def _present(self) -> dict[int, list[Json]]:
        return releases_of(self.cluster, self.app.name)

    def _services(self, number: int) -> list[str]:
        return sorted(service["Spec"]["Name"] for service in self._present().get(number, []))

    def _stack(self, number: int) -> str:
        return _routing.release_name(self.app.name, number)

    def _service(self, service: str) -> str:
        return f"{self._stack(self.plan.number)}_{_routing.service_key(self.app.name, service, self.plan.number)}"

    def _routed(self) -> list[str]:
        return list(dict.fromkeys(route.service for route in self.app.routes))

    def _replicas(self, service: str) -> int:
        return _compose.replicas(self.request.model["services"][service])


def _always(labels: Labels) -> c.Callable[[Labels], Labels]:
    return lambda _live: labels
