"""An example strategy in Python: trades each market back to its usual distance from the reference market.

    basis_bps = 10^4 x ln(mid / reference mid)
    z         = (basis - mean) / deviation         over the last `window_steps` steps, the present one not among them
    z >  entry_z   sells order_size (as far as short_max allows),  z < -entry_z   buys it
    |z| < exit_z   closes

In settings:

    [[native.strategies]]
    name = "reversion"
    kind = "external"
    python = "streaming.strategies.mean_reversion:MeanReversion"
    settings = { entry_z = 3.0 }
"""

import math
from collections import deque
from statistics import fmean, pstdev

from streaming.strategies.interface import Action, SlotView, StrategyView, Wish


class MeanReversion:
    """Z-score of the basis to the reference; one window of past bases a slot."""

    def __init__(self, window_steps: int = 600, entry_z: float = 3.0, exit_z: float = 0.5) -> None:
        """Raise ValueError unless window_steps >= 2 and 0 <= exit_z < entry_z."""
        if window_steps < 2:
            raise ValueError(f"window_steps: expected 2 or more, found {window_steps}")
        if not 0.0 <= exit_z < entry_z:
            raise ValueError(f"expected 0 <= exit_z < entry_z, found {exit_z} and {entry_z}")
        self._window_steps = window_steps
        self._entry_z = entry_z
        self._exit_z = exit_z
        self._bases: dict[int, deque[float]] = {}

    def decide(self, view: StrategyView) -> list[Wish]:
        """Return a wish for every usable slot but the reference; none while that cannot be priced."""
        reference = view.find(view.reference_slot)
        if reference is None or not reference.is_usable:
            return []
        usable = [slot for slot in view.slots if slot.is_usable and slot.slot != view.reference_slot]
        return [self._wish(slot, 1e4 * math.log(slot.mid / reference.mid)) for slot in usable]

    def _wish(self, slot: SlotView, basis_bps: float) -> Wish:
        past = self._bases.setdefault(slot.slot, deque(maxlen=self._window_steps))
        is_known = len(past) == self._window_steps
        mean = fmean(past) if is_known else 0.0
        deviation = pstdev(past) if is_known else 0.0
        past.append(basis_bps)
        if deviation == 0.0:
            return Wish(slot.slot, Action.HOLD, slot.position_units)
        target = self._target(slot, (basis_bps - mean) / deviation)
        return Wish(
            slot=slot.slot,
            action=_action(slot.position_units, target),
            target_units=target,
            expected_bps=mean - basis_bps,
            cost_bps=self._entry_z * deviation,
        )

    def _target(self, slot: SlotView, z: float) -> int:
        if z < -self._entry_z:
            return slot.order_size_units
        if z > self._entry_z:
            return -(min(slot.order_size_units, slot.short_max_units) // slot.lot_units * slot.lot_units)
        return 0 if abs(z) < self._exit_z else slot.position_units


def _action(position_units: int, target_units: int) -> Action:
    if target_units == position_units:
        return Action.HOLD
    if position_units * target_units < 0:
        return Action.REVERSE
    return Action.ENTER if abs(target_units) > abs(position_units) else Action.EXIT
